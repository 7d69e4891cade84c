"""Tables in, matrices out: intake, store, geography, signals and lists of them, the demand panel, who would come."""
