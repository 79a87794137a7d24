"""Parents of worker processes, and what reloads."""

from uvicorn.supervisors.multiprocess import Multiprocess
from uvicorn.supervisors.watchfilesreload import WatchFilesReload as ChangeReload

__all__ = ["ChangeReload", "Multiprocess"]
