"""How many CPUs this process may use: what `--workers auto` starts."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def usable_cpus(cgroup: Path = _CGROUP) -> int:
    """CPUs of the affinity mask, or fewer where a container's quota is less; at least 1."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    quota = cgroup_quota(cgroup)
    return max(min(count, math.ceil(quota)) if quota else count, 1)


def cgroup_quota(cgroup: Path) -> float:
    """CPUs' worth of time that the control group allows (version 2, else 1); 0: any."""
    try:
        quota, _, period = (cgroup / "cpu.max").read_text("ascii").partition(" ")
    except (OSError, ValueError):
        quota, period = _version_1(cgroup)
    try:
        return max(float(quota) / float(period), 0.0)
    except (ValueError, ZeroDivisionError):
        return 0.0  # `max`, -1, or no such file


def _version_1(cgroup: Path) -> tuple[str, str]:
    try:
        quota = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text("ascii")
        return quota, (cgroup / "cpu" / "cpu.cfs_period_us").read_text("ascii")
    except (OSError, ValueError):
        return "", ""
