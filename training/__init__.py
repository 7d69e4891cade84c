"""Matrices in, bundle out: learners, forecasters, splits by time, evaluation, tuning, tracking."""
