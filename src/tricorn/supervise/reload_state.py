"""What the parent knows under `--reload`: the process that serves, and a spare one.

Only values; `reload_decide.py` says what follows from them, `reloader.py` does it.

```
         told to go            ready            told to leave           exited
 SPARE ─────────────► STARTING ─────► SERVING ───────────────► LEAVING ───────► (forgotten)
   │                     │ told to leave                        ▲  │ silent, overdue
   │                     └──────────────────────────────────────┘  ▼
   └─────────────────────────────────────────────────────────────► KILLED
```

At most one process is in STARTING, SERVING or LEAVING, so that the lifespans of two versions
of the app never overlap.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from tricorn.supervise.state import (
    CloseListeners,
    Drain,
    End,
    Exited,
    Kill,
    Leaving,
    Pause,
    Ready,
    Reload,
    Say,
    Scale,
    Start,
    Started,
    Stop,
    Tick,
)


class Stage(Enum):
    """Where a process is in its life."""

    SPARE = "spare"
    STARTING = "starting"
    SERVING = "serving"
    LEAVING = "leaving"
    KILLED = "killed"


class Patience(NamedTuple):
    """How long the parent waits for a process that was told to leave, in seconds."""

    answer: float = 1.0  # until it says that it stops: else its loop, or its import, hangs
    leave: float = 7.0  # from then until it is gone


@dataclass(slots=True)
class Process:
    """One process."""

    key: int
    stage: Stage
    since: float  # when it came to this stage
    pid: int = 0
    explains: bool = False  # it serves no app, but says why there is none
    kill_at: float = math.inf


@dataclass(slots=True)
class ReloadState:
    """All of it. `decide` changes it; nobody else does."""

    watcher: str  # what watches the files, as the log calls it
    patience: Patience = field(default_factory=Patience)
    processes: dict[int, Process] = field(default_factory=dict)
    next_key: int = 1
    fault: str = ""  # why the app can't be served, where its own process couldn't say so
    idle: bool = False  # nothing can be served before the next change
    spare_at: float = 0.0  # before then no spare is started
    stopping: bool = False

    def current(self) -> Process | None:
        """The process that serves, is about to, or has done."""
        for process in self.processes.values():
            if process.stage is not Stage.SPARE:
                return process
        return None

    def spare(self) -> Process | None:
        """The process that waits."""
        for process in self.processes.values():
            if process.stage is Stage.SPARE:
                return process
        return None


# What happens, beside what happens to any worker


class Changed(NamedTuple):
    """Files have changed; `names` are for the log."""

    names: tuple[str, ...]


class Stopping(NamedTuple):
    """A process that was told to leave has heard it and stops."""

    key: int


ReloadEvent = (
    Tick | Started | Ready | Leaving | Exited | Changed | Stopping | Reload | Scale | Pause | Stop
)


# What is to be done, beside what is done with any worker


class Go(NamedTuple):
    """Have a spare import the app and serve it."""

    key: int


class Explain(NamedTuple):
    """Have a spare answer all requests with `text`."""

    key: int
    text: str


ReloadAction = Start | Go | Explain | Drain | Kill | Say | CloseListeners | End
