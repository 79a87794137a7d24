"""What starts a process that serves."""

from tricorn.compat.uvicorn_names import get_subprocess, subprocess_started

__all__ = ["get_subprocess", "subprocess_started"]
