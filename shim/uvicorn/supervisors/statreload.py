"""What reloads. It watches by notifications where it can, whatever the name."""

from tricorn.supervise.targets import ReloadingParent as StatReload

__all__ = ["StatReload"]
