"""Logging: formatters, log configuration, the access log. Called with facts, never calls back."""
