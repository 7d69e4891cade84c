"""The best plan of all, proven: every plan of a block that could be part of a better one is written down."""
