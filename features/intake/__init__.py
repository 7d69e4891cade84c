"""A delivery comes in: sources, cleaning, references between rows, and the report of it all."""
