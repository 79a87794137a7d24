"""A lifespan that programs run by themselves."""

from tricorn.compat.uvicorn_names import LifespanOn

__all__ = ["LifespanOn"]
