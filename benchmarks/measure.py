"""One round: start a server, check it, load it, read what it used, end it."""

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import check, load, multiplexed, proctree, talk
from benchmarks.launch import Running, StartError, free_port, pinned, running
from benchmarks.results import Round
from benchmarks.scenarios import Scenario
from benchmarks.servers import Launch, Server

# Long enough for the server to see that the connections are gone; that work is part of the bill.
SETTLE_SECONDS = 0.1
LOG_SECONDS = 3.0
# Short of the interval at which servers ping, long enough for them to tidy up behind a message.
IDLE_SECONDS = 3.0
WARM_UP_SECONDS = 0.3
OPEN_FILES = 6000  # 5000 connections, and some


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
    launch = Launch(rig.programs[server.environment], scenario, free_port(), rig.scratch)
    log = rig.scratch / f"{server.key}.log"
    reason = ""
    try:
        with running(server, launch, rig.server_core, log) as process:
            try:
                measured = _talked if scenario.talk else _loaded
                return measured(rig, server, scenario, process)
            except (check.WrongAnswer, load.LoadError, RoundFailed, OSError) as error:
                reason = process.ending() or str(error)
    except StartError as error:
        reason = str(error)
    return Round(scenario.key, server.key, failure=reason)


def _loaded(rig: Rig, server: Server, scenario: Scenario, process: Running) -> Round:
    if scenario.http2:
        multiplexed.check(scenario, process.port, rig.scratch)
    else:
        check.check(scenario, process.port)
    logged = _log_lines(process)
    before = proctree.read_cpu(process.pid)
    outcome = _load(rig, scenario, process)
    time.sleep(SETTLE_SECONDS)
    if scenario.access_log:
        _wait_for_log(process, logged + outcome.requests)
    after = proctree.read_cpu(process.pid)
    memory = proctree.proportional_memory(process.pid)
    return _round(server, scenario, outcome, _usage(before, after), memory)


def _load(rig: Rig, scenario: Scenario, process: Running) -> load.Outcome:
    if scenario.http2:
        prefix = pinned([], rig.client_core)
        return multiplexed.load(scenario, process.port, rig.seconds, rig.scratch, prefix)
    connections = scenario.connections or rig.connections
    wrk = pinned(load.command(scenario, process.port, rig.seconds, connections), rig.client_core)
    return load.run(wrk, rig.seconds, len(scenario.answer))


def _usage(before: proctree.Reading, after: proctree.Reading) -> proctree.Usage:
    if before.pids != after.pids:
        raise RoundFailed("a process of the server ended or began during the round")
    return proctree.usage(before, after)


def _round(
    server: Server, scenario: Scenario, outcome: load.Outcome, used: proctree.Usage, memory: float
) -> Round:
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


def _talked(rig: Rig, server: Server, scenario: Scenario, process: Running) -> Round:
    """A round of WebSocket messages. Opening the connections isn't part of their bill."""
    # The first use of a code path is dear; it also shows whether the server can do this at all.
    with talk.connected(_talk(rig, scenario, process, WARM_UP_SECONDS, 1)) as client:
        client.load()
    connections = scenario.connections or rig.connections
    idle = scenario.talk is not None and scenario.talk.mode == "idle"
    empty = proctree.proportional_memory(process.pid)
    start = proctree.read_cpu(process.pid)
    with talk.connected(_talk(rig, scenario, process, rig.seconds, connections)) as client:
        ready = proctree.read_cpu(process.pid)
        outcome = client.load()
        done = proctree.read_cpu(process.pid)
        if idle:
            time.sleep(IDLE_SECONDS)
        memory = proctree.proportional_memory(process.pid)
    found = _round(server, scenario, outcome, _usage(start if idle else ready, done), memory)
    return replace(found, idle=(memory - empty) / connections) if idle else found


def _talk(
    rig: Rig, scenario: Scenario, process: Running, seconds: float, connections: int
) -> list[str]:
    program = rig.programs["wsload"] / "wsload"
    command = talk.command(program, scenario, process.port, seconds, connections, rig.scratch)
    return pinned(command, rig.client_core)


def _log_lines(process: Running) -> int:
    return process.log.read_bytes().count(b"\n")


def _wait_for_log(process: Running, lines: int) -> None:
    """A log that isn't written, or not whole, would be a cheap one."""
    deadline = time.monotonic() + LOG_SECONDS
    while (found := _log_lines(process)) < lines:
        if time.monotonic() > deadline:
            raise RoundFailed(f"{found} lines in the log for {lines} requests")
        time.sleep(0.1)


def raise_file_limit(wanted: int = OPEN_FILES) -> bool:
    """Allow enough open files for 5000 connections, here and in what is started from here."""
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
