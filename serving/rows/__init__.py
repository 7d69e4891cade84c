"""Rows as they are this second: a picture of the whole store in memory, and what must be newer than it."""
