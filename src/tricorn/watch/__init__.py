"""Logging: formatters, log config, the access log. Called with facts, never calls back."""
