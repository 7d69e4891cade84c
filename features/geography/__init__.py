"""Where people and venues are: positions, cells of homes, how far people come."""
