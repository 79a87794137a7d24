"""Puts this folder, which holds a package `uvicorn`, in front of where it is installed.

`tricorn_uvicorn.pth` imports it when Python starts.
"""

import sys
from pathlib import Path


def put_in_front() -> None:
    """Have `import uvicorn` find ours, and what else is on the path in its old order."""
    here = Path(__file__).resolve().parent
    if str(here) in sys.path:
        return
    installed = [index for index, entry in enumerate(sys.path) if Path(entry) == here.parent]
    sys.path.insert(installed[0] if installed else len(sys.path), str(here))


put_in_front()
