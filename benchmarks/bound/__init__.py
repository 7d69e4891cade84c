"""What the best possible learner could reach on a simulated county: of people's tastes, and of a forecast."""
