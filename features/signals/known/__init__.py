"""What is known, as arrays by row: activities and sessions with their keys, what people did, who and where they are."""
