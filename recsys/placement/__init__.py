"""The planning model of openings: what a plan is chosen from, and the best plan with a bound on all, fast or proven."""
