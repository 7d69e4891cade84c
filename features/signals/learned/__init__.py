"""What is learned of people and sessions: wishes, tastes, pull, and what the first stage makes of them."""
