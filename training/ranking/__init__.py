"""Learning to rank: what everybody booked, the re-ranker on past windows, and how lists are judged."""
