"""The store: every platform's rows in PostgreSQL, what it takes in, and what operators and people may do with them."""
