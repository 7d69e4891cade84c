"""Openings: who could come from where, what they would take up, and what became of earlier openings."""
