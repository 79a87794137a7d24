"""Event loops."""
