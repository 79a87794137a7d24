"""What uvicorn-worker imports."""

from tricorn.compat.uvicorn_names import asyncio_run, iscoroutinefunction

__all__ = ["asyncio_run", "iscoroutinefunction"]
