"""How fast and in how much memory: ingest, features, lists of a million people, a running service."""
