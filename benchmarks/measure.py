"""One round: start a server, check it, load it, read what it used, end it."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import check, load, proctree
from benchmarks.launch import Running, StartError, free_port, pinned, running
from benchmarks.results import Round
from benchmarks.scenarios import Scenario
from benchmarks.servers import Launch, Server

# Long enough for the server to see that the connections are gone; that work is part of the bill.
SETTLE_SECONDS = 0.1
LOG_SECONDS = 3.0


@dataclass(frozen=True)
class Rig:
    """How each round is run. Cores are None when nothing is pinned."""

    programs: dict[str, Path]
    seconds: int
    connections: int
    server_core: int | None
    client_core: int | None
    scratch: Path


class RoundFailed(Exception):
    """The figures of this round may not be used; the text says why, in one line."""


def measure(rig: Rig, server: Server, scenario: Scenario) -> Round:
    """One round. What goes wrong is in the round's `failure`."""
    launch = Launch(rig.programs[server.environment], scenario, free_port())
    log = rig.scratch / f"{server.key}.log"
    reason = ""
    try:
        with running(server, launch, rig.server_core, log) as process:
            try:
                return _loaded(rig, server, scenario, process)
            except (check.WrongAnswer, load.LoadError, RoundFailed, OSError) as error:
                reason = process.ending() or str(error)
    except StartError as error:
        reason = str(error)
    return Round(scenario.key, server.key, failure=reason)


def _loaded(rig: Rig, server: Server, scenario: Scenario, process: Running) -> Round:
    check.check(scenario, process.port)
    connections = scenario.connections or rig.connections
    wrk = pinned(load.command(scenario, process.port, rig.seconds, connections), rig.client_core)
    logged = _log_lines(process)
    before = proctree.read_cpu(process.pid)
    outcome = load.run(wrk, rig.seconds, len(scenario.answer))
    time.sleep(SETTLE_SECONDS)
    if scenario.access_log:
        _wait_for_log(process, logged + outcome.requests)
    after = proctree.read_cpu(process.pid)
    memory = proctree.proportional_memory(process.pid)
    if before.pids != after.pids:
        raise RoundFailed("a process of the server ended or began during the round")
    used = proctree.usage(before, after)
    return Round(
        scenario.key,
        server.key,
        requests=outcome.requests,
        per_second=outcome.requests / outcome.microseconds * 1e6,
        total=used.total / outcome.requests,
        user=used.user / outcome.requests,
        system=used.system / outcome.requests,
        p50=outcome.p50,
        p99=outcome.p99,
        pss=memory,
    )


def _log_lines(process: Running) -> int:
    return process.log.read_bytes().count(b"\n")


def _wait_for_log(process: Running, lines: int) -> None:
    """A log that isn't written, or not whole, would be a cheap one."""
    deadline = time.monotonic() + LOG_SECONDS
    while (found := _log_lines(process)) < lines:
        if time.monotonic() > deadline:
            raise RoundFailed(f"{found} lines in the log for {lines} requests")
        time.sleep(0.1)


def raise_file_limit(wanted: int = 4096) -> bool:
    """Allow enough open files for 1000 connections, here and in what is started from here."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted <= (hard if hard != resource.RLIM_INFINITY else wanted):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return soft >= wanted


def cores(pin: bool) -> tuple[int | None, int | None]:
    """A core for the server and another for the client; neither when there is only one."""
    usable = proctree.usable_cores()
    return (usable[0], usable[-1]) if pin and len(usable) > 1 else (None, None)


def working_directory(scratch: Path) -> None:
    """Work where no server finds a configuration file or writes into the repository."""
    os.chdir(scratch)
