"""One worker: start, drain, stop, and importing the app."""
