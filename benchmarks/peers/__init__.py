"""Peers: other libraries on the same folds, each in an environment of its own."""
