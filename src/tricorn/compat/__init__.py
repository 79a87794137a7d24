"""Fitting into other servers' process managers. Nothing in tricorn imports it."""
