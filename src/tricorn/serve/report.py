"""What a worker and its parent say to each other: one byte a message, over a socket pair.

| who | says | and means |
|---|---|---|
| worker | `R` | ready: the app has started |
| | `.` | the loop turns |
| | `L`, a reason, a line end | replace me; I serve until then |
| | `?` | may I tell why I fail? |
| | `S` | my stacks are in the log |
| | `Q` | I was told to leave, and stop (under `--reload`) |
| parent | `Y` | tell |
| | `N` | don't: another worker has told the same |
| | `D` | log all stacks: you hang |
| | `G` | give way: another serves in your place |
| | `W` | the whole server stops soon: have the health path say so |

The end of the stream tells the worker that its parent is gone. A worker that can't even hear
`D`, as C code holds the interpreter, writes its stacks on the signal `STACKS`.
"""

from __future__ import annotations

import signal
import struct
from typing import Final

# The exit code of a process that could not start to serve.
STARTUP_FAILURE: Final = 3

READY: Final = b"R"
BEAT: Final = b"."
LEAVING: Final = b"L"
ASK: Final = b"?"
EXPLAINED: Final = b"S"
STOPPING: Final = b"Q"

TELL: Final = b"Y"
HUSH: Final = b"N"
DUMP: Final = b"D"
GIVE_WAY: Final = b"G"
NOTICE: Final = b"W"

# Windows has no such signal, and no workers.
STACKS: Final[int] = getattr(signal, "SIGUSR2", 0)

# What a worker process finds in its environment.
WORKER_ID: Final = "TRICORN_WORKER_ID"

# A fork server and the parent: see `fork_server.py`.
REQUEST: Final = struct.Struct("!I")
REPLY: Final = struct.Struct("!cii")
IMPORTED: Final = b"R"
FORKED: Final = b"P"
EXITED: Final = b"X"
