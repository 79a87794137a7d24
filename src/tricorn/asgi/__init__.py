"""One application call: scope, HTTP exchange, lifespan, adapters."""
