"""Bundle in, answers out: the HTTP API, live rows, planner and visitor pages."""
