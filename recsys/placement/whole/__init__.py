"""All openings at once: as one integer programme, greedily, and relaxed with a bound on every plan."""
