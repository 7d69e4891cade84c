"""Answers against the truth, beside the oracle's and simple rules'."""
