"""Uvicorn's import name, in front of tricorn.

Names only: what stands behind them is tricorn's, and is described there. docs/shim.md says
which programs were tried, and what differs.
"""

from uvicorn.config import Config
from uvicorn.main import Server, main, run

__version__ = "0.54.0"  # the Uvicorn whose names these are
__all__ = ["Config", "Server", "main", "run"]
