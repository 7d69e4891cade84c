"""Figures for planners: use of venues, who takes part, what is in reach, series of a forecast, reports."""
