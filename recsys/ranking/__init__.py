"""From scores to lists: the best candidates, variety, drawn places, operators' rules, and what a list is worth."""
