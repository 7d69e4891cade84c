"""What the best possible learner of people's tastes could reach on a simulated county."""
