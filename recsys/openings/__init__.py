"""Where to open new weekly classes: what is known, what is asked, the search, and its explanation."""
