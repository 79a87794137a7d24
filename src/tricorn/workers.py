"""Worker classes for gunicorn: `gunicorn -k tricorn.workers.TricornWorker main:app`.

docs/deployment/gunicorn.md says what they do with gunicorn's settings.
"""

from tricorn.compat.gunicorn_worker import (
    TricornH11Worker,
    TricornWorker,
    UvicornH11Worker,
    UvicornWorker,
)

__all__ = ["TricornH11Worker", "TricornWorker", "UvicornH11Worker", "UvicornWorker"]
