"""Measurements of whole rooms: `make bench-…`."""
