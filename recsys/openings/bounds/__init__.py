"""How far the best plan can be above the one found."""
