"""The embedded demo app, as plain ASGI."""
