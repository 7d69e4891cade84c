"""How willing each person is to come to each category, from what was booked among what could be booked."""
