"""Plans: the best found by greedy and exchanges, in the mean of many draws, and with floors for places and groups."""
