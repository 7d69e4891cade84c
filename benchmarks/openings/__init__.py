"""How good plans of openings are: the planning model's proofs, simulated counties, reach against evenness."""
