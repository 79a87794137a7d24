"""Small apps that tests serve."""
