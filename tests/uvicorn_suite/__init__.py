"""Uvicorn's own tests, run against the shim: `./dev uvicorn-suite`."""
