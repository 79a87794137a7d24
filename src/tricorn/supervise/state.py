"""What the parent knows: its workers, what it wants of them, and what can happen.

Only values; `decide.py` says what follows from them, `supervisor.py` does it.

```
            ready              told to go            exited
 BOOTING ──────────► READY ─────────────────► DRAINING ──────► (forgotten)
    │ told to go       │ hung, overdue            │ overdue        ▲
    └──────────────────┴────► KILLED ◄────────────┘────────────────┘
```
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple


class Stage(Enum):
    """Where a worker is in its life."""

    BOOTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    KILLED = "killed"


class Policy(NamedTuple):
    """The operator's wishes. Times in seconds, `math.inf` for no bound."""

    healthcheck: float = 5.0  # silence after which a ready worker is hung
    drain: float = 40.0  # from being told to go until it is killed
    parallel: int = 1  # workers that are replaced at a time
    delay: float = 0.0  # after SIGTERM, before the workers drain
    is_fixed: bool = False  # each place has sockets of its own, so there can't be more or fewer


@dataclass(slots=True)
class Worker:
    """One process. `number` is its place, 1 to N, which its replacement takes over."""

    key: int
    number: int
    stage: Stage
    since: float  # when it came to this stage
    heard: float  # its last sign of life
    pid: int = 0
    lifetime: float = float("inf")  # after which it is replaced
    kill_at: float = float("inf")  # when it must have gone, once it was told to
    due: str = ""  # why it is to be replaced while it serves: a reason for the log
    dumped: float = 0.0  # when it was asked for its stacks; 0: never
    interrupted: bool = False  # it was asked by the signal, too


@dataclass(slots=True)
class Place:
    """What is remembered of a number when its worker is gone."""

    failures: int = 0  # in a row
    retry_at: float = 0.0


@dataclass(slots=True)
class State:
    """All of it. `decide` changes it; nobody else does."""

    policy: Policy
    target: int  # how many workers there should be
    workers: dict[int, Worker] = field(default_factory=dict)
    places: dict[int, Place] = field(default_factory=dict)
    next_key: int = 1
    ever_ready: bool = False
    announced: bool = False  # all workers have been ready at once
    rolling: bool = False  # a restart is on its way
    paused: bool = False  # the workers were sent away, and stay away
    upgrading: bool = False  # a successor starts
    succeeded: bool = False  # it serves
    stop_at: float = float("inf")  # when the delay before a stop is over
    stopping: bool = False
    exit_code: int = 0

    @property
    def delayed(self) -> bool:
        """Whether the server is to stop, but goes on for a while."""
        return self.stop_at < float("inf") and not self.stopping

    def serving(self) -> list[Worker]:
        """Workers that are ready."""
        return [worker for worker in self.workers.values() if worker.stage is Stage.READY]


# What happens


class Tick(NamedTuple):
    """Time has passed."""


class Started(NamedTuple):
    """A worker's process exists. `lifetime` is how long it may serve, in seconds."""

    key: int
    pid: int
    lifetime: float = float("inf")


class Ready(NamedTuple):
    """A worker has started its app and accepts."""

    key: int


class Heard(NamedTuple):
    """A worker's loop turns."""

    key: int


class Leaving(NamedTuple):
    """A worker asks to be replaced; it serves until then."""

    key: int
    why: str


class Explained(NamedTuple):
    """A hung worker has logged its stacks."""

    key: int


class Exited(NamedTuple):
    """A worker's process is over. `code` is negative where a signal ended it."""

    key: int
    code: int


class Reload(NamedTuple):
    """Replace all workers, one after the other."""


class Scale(NamedTuple):
    """Have `by` workers more, or fewer."""

    by: int


class Pause(NamedTuple):
    """Send the workers away, and stay."""


class Upgrade(NamedTuple):
    """Have a freshly executed tricorn take this one's place."""


class Succeeded(NamedTuple):
    """The successor serves."""


class SuccessorEnded(NamedTuple):
    """The successor's process is over. `code` is negative where a signal ended it."""

    code: int


class Stop(NamedTuple):
    """Drain all workers and end; at once if `now`."""

    now: bool = False


class StopLater(NamedTuple):
    """Stop, once load balancers have had the time to notice; at once if told again."""


Event = (
    Tick
    | Started
    | Ready
    | Heard
    | Leaving
    | Explained
    | Exited
    | Reload
    | Scale
    | Pause
    | Upgrade
    | Succeeded
    | SuccessorEnded
    | Stop
    | StopLater
)


# What is to be done


class Start(NamedTuple):
    """Start a worker process."""

    key: int
    number: int


class Drain(NamedTuple):
    """Ask a worker to finish and go, without haste where others serve meanwhile."""

    key: int
    succeeded: bool = False


class Notice(NamedTuple):
    """Have a worker's health path say that the server stops soon."""

    key: int


class Hurry(NamedTuple):
    """Ask a worker to go without finishing."""

    key: int


class Kill(NamedTuple):
    """End a worker that doesn't go by itself."""

    key: int


class Dump(NamedTuple):
    """Ask a hung worker for the stacks of its threads and tasks."""

    key: int


class Interrupt(NamedTuple):
    """Ask by a signal for the stacks of a hung worker that doesn't hear."""

    key: int


class Say(NamedTuple):
    """Log a line."""

    level: str
    text: str


class CloseListeners(NamedTuple):
    """Refuse new connections from here on."""


class Announce(NamedTuple):
    """Tell whoever started us: `ready`, `reloading`, `stopping` or `succeeded`."""

    what: str


class StartSuccessor(NamedTuple):
    """Execute tricorn anew."""


class EndSuccessor(NamedTuple):
    """Stop a successor that isn't ready."""


class End(NamedTuple):
    """The parent's work is done."""

    code: int


Action = (
    Start
    | Drain
    | Notice
    | Hurry
    | Kill
    | Dump
    | Interrupt
    | Say
    | CloseListeners
    | Announce
    | StartSuccessor
    | EndSuccessor
    | End
)
