"""Mixed load for minutes, and a watch on what the server holds meanwhile."""
