"""The demand panel: the calendar, what bookings say of sessions and weeks, who comes, and what full sessions hide."""
