"""What is known of users and activities, as named features and as matrices of them."""
