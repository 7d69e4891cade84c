"""What ranking looks at, from what is known over the candidates and the people asking to the signals of a pair."""
