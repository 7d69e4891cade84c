"""What each person could have gone to, and from what they booked of it how willing they are to come."""
