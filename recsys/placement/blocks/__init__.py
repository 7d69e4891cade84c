"""Openings of one category that share people: their best plans at prices, and all that nearly are."""
