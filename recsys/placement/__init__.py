"""The planning model of openings: the instance, exact and fast solvers, proven bounds, equity."""
