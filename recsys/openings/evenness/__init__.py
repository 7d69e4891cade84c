"""Reach against evenness: plans that trade one for the other, and how far any plan could go."""
