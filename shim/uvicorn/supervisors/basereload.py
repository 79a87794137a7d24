"""What reloads. It watches by notifications where it can, whatever the name."""

from tricorn.supervise.targets import ReloadingParent as BaseReload

__all__ = ["BaseReload"]
