"""Tables in, matrices out: sources, cleaning, the store, interactions, features, the demand panel, catchments."""
