"""gunicorn's worker classes: `gunicorn -k uvicorn.workers.UvicornWorker`."""

from tricorn.workers import UvicornH11Worker, UvicornWorker

__all__ = ["UvicornH11Worker", "UvicornWorker"]
