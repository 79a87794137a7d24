"""What makes the loop that `--loop auto` names."""

from tricorn.compat.uvicorn_names import auto_loop_factory

__all__ = ["auto_loop_factory"]
