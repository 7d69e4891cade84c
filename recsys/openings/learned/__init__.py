"""What is learned of people, venues and running classes: arrays that serving loads and every question reads."""
