"""What ranking looks at: the catalogue at an instant, people with their own past, and the signals of a pair."""
