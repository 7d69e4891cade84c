"""The store: every platform's rows in PostgreSQL, what operators and the people concerned may do with them."""
