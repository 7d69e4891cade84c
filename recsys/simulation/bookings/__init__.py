"""Who takes part in what: chances, the bookings drawn from them within the places, and what else people do."""
