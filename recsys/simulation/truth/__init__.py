"""What no platform can see: written as tables beside a world, read back, and what new classes would truly be worth."""
