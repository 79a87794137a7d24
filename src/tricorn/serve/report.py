"""What a worker and its parent say to each other: one byte a message, over a socket pair.

| who | says | and means |
|---|---|---|
| worker | `R` | ready: the app has started |
| | `.` | the loop turns |
| | `L`, a reason, a line end | replace me; I serve until then |
| | `?` | may I tell why I fail? |
| parent | `Y` | tell |
| | `N` | don't: another worker has told the same |
| | `D` | log all stacks: you hang |

The end of the stream tells the worker that its parent is gone.
"""

from __future__ import annotations

import struct
from typing import Final

READY: Final = b"R"
BEAT: Final = b"."
LEAVING: Final = b"L"
ASK: Final = b"?"

TELL: Final = b"Y"
HUSH: Final = b"N"
DUMP: Final = b"D"

# What a worker process finds in its environment.
WORKER_ID: Final = "TRICORN_WORKER_ID"

# A fork server and the parent: see `fork_server.py`.
REQUEST: Final = struct.Struct("!I")
REPLY: Final = struct.Struct("!cii")
IMPORTED: Final = b"R"
FORKED: Final = b"P"
EXITED: Final = b"X"
