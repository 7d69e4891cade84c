"""Demand: what full sessions hide, sample paths, sums over the tree, reconciliation, alarms, the forecast as tables."""
