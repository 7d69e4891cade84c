"""What there is before anybody books: the place, its people and what they like, what is offered when."""
