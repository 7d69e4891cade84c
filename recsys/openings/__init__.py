"""Where to open new weekly classes: what is learned, what is asked, the search, and what a planner is told."""
