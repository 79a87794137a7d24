"""No lifespan."""

from tricorn.compat.uvicorn_names import LifespanOff

__all__ = ["LifespanOff"]
