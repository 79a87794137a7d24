"""Bounds of what is buffered."""

from tricorn.compat.uvicorn_names import CLOSE_HEADER, HIGH_WATER_LIMIT

__all__ = ["CLOSE_HEADER", "HIGH_WATER_LIMIT"]
