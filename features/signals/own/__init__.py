"""What a person's own past, home and profile say of a candidate."""
