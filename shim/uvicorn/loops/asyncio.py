"""What makes the loop that `--loop asyncio` names."""

from tricorn.compat.uvicorn_names import asyncio_loop_factory

__all__ = ["asyncio_loop_factory"]
