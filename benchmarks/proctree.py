"""CPU time and memory of a process and all its descendants, from Linux's /proc."""

import os
import time
from pathlib import Path
from typing import NamedTuple


class Reading(NamedTuple):
    """CPU time a process tree has used so far.

    `total` is exact, in nanoseconds. `user` and `system` are in clock ticks, which the kernel
    samples: good for the proportion of the two, too coarse for the sum.
    """

    total: int
    user: int
    system: int
    pids: frozenset[int]


class Usage(NamedTuple):
    """CPU time between two readings, in microseconds."""

    total: float
    user: float
    system: float


def descendants(root: int) -> list[int]:
    """The process `root` and everything below it, parents first."""
    found = [root]
    for pid in found:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                found.extend(int(child) for child in children.read_text().split())
            except OSError:  # the thread ended meanwhile
                continue
    return found


def _cpu_clock(pid: int) -> int:
    # The clock id of a process's CPU time, as clock_getcpuclockid(3) computes it on Linux. It
    # includes threads that have ended, which the files under /proc/PID/task don't.
    return (~pid << 3) | 2


def _ticks(pid: int) -> tuple[int, int]:
    # proc_pid_stat(5): utime and stime are fields 14 and 15; the second field may hold spaces.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]), int(fields[12])


def read_cpu(root: int) -> Reading:
    """CPU time of the tree under `root`. Raises OSError when a process of it ends meanwhile."""
    pids = descendants(root)
    ticks = [_ticks(pid) for pid in pids]
    return Reading(
        total=sum(time.clock_gettime_ns(_cpu_clock(pid)) for pid in pids),
        user=sum(user for user, _ in ticks),
        system=sum(system for _, system in ticks),
        pids=frozenset(pids),
    )


def usage(before: Reading, after: Reading) -> Usage:
    """What was used between two readings; the exact total, split as the ticks are."""
    total = (after.total - before.total) / 1000
    user = after.user - before.user
    ticks = user + after.system - before.system
    share = user / ticks if ticks else 0.0
    return Usage(total, total * share, total * (1 - share))


def proportional_memory(root: int) -> int:
    """Memory of the tree in KiB, pages shared with other processes counted in proportion (PSS)."""
    return sum(_pss(pid) for pid in descendants(root))


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise OSError(f"/proc/{pid}/smaps_rollup has no Pss line")


def usable_cores() -> list[int]:
    """The cores this process may run on."""
    return sorted(os.sched_getaffinity(0))
