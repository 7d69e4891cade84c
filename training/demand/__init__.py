"""Demand: the forecast that a bundle carries, its parts, and how such forecasts did."""
