"""What new classes take and bring: rooms at weekly hours, people who come, and who they are."""
