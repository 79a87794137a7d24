"""The parent of worker processes."""

from tricorn.supervise.targets import WorkerParent as Multiprocess

__all__ = ["Multiprocess"]
