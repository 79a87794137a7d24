"""The parent of several workers: it binds, starts, watches and replaces. Never imports the app."""
