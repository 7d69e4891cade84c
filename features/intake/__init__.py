"""A delivery comes in: sources, cleaning, references between rows, quarantine and the report of it all."""
