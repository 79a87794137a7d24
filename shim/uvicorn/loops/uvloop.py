"""What makes the loop that `--loop uvloop` names."""

from tricorn.compat.uvicorn_names import uvloop_loop_factory

__all__ = ["uvloop_loop_factory"]
