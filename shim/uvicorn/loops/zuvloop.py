"""What makes the loop that `--loop zuvloop` names."""

from tricorn.compat.uvicorn_names import zuvloop_loop_factory

__all__ = ["zuvloop_loop_factory"]
