"""A made-up place whose truth is known: its people, programme, bookings, and what no platform can see."""
