"""What reloads. It watches by notifications where it can, whatever the name."""

from tricorn.supervise.targets import ReloadingParent as WatchFilesReload

__all__ = ["WatchFilesReload"]
