"""Rankers: frozen sets of arrays that score keys for users from their histories and profiles."""
