"""What is told of candidates, whoever asks: what they are, how they fill, and what everybody's past says of them."""
