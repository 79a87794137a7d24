"""The load generator: wrk, with load.lua for the request and the outcome."""

import json
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.scenarios import Scenario

SCRIPT = Path(__file__).with_name("load.lua")
# A request that takes longer than this is an error. It fails a server that starves connections.
TIMEOUT_SECONDS = 5
ERRORS = ("connect", "read", "write", "status", "timeout")


class LoadError(Exception):
    """wrk didn't run, or saw errors; the text says which, in one line."""


class Outcome(NamedTuple):
    """What wrk saw. Times in microseconds; they suffer from coordinated omission, so compare
    them between servers and don't take them for what a user sees."""

    requests: int
    microseconds: int
    received: int
    p50: int
    p99: int


def command(scenario: Scenario, port: int, seconds: int, connections: int) -> list[str]:
    """wrk's command line for a scenario."""
    fields = [f"{name}: {value}" for name, value in scenario.fields]
    return [
        *("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={TIMEOUT_SECONDS}s"),
        *("-s", str(SCRIPT), f"{'https' if scenario.tls else 'http'}://127.0.0.1:{port}/"),
        *("--", scenario.method, str(scenario.content_size), *fields),
    ]


def parse(output: str, answer_size: int) -> Outcome:
    """The outcome in what wrk printed. Raises LoadError when any request went wrong."""
    for line in output.splitlines():
        if line.startswith("OUTCOME "):
            return _judge(json.loads(line.removeprefix("OUTCOME ")), answer_size)
    raise LoadError(f"wrk printed no outcome: {output.strip()[-200:]!r}")


def _judge(seen: dict[str, Any], answer_size: int) -> Outcome:
    errors = [f"{seen[kind]} {kind} errors" for kind in ERRORS if seen[kind]]
    if errors:
        raise LoadError(f"{', '.join(errors)} in {seen['requests']} requests")
    if not seen["requests"]:
        raise LoadError("no request was answered")
    # wrk doesn't look at the content, so a short answer shows in the sum only.
    if seen["bytes"] < seen["requests"] * answer_size:
        raise LoadError("answers were shorter under load than in the check")
    return Outcome(seen["requests"], seen["microseconds"], seen["bytes"], seen["p50"], seen["p99"])


def run(command_line: list[str], seconds: int, answer_size: int) -> Outcome:
    """Run wrk. Raises LoadError."""
    try:
        done = subprocess.run(command_line, capture_output=True, text=True, timeout=seconds + 30)
    except subprocess.TimeoutExpired:
        raise LoadError("wrk didn't come back") from None
    if done.returncode:
        raise LoadError(f"wrk exited with {done.returncode}: {done.stderr.strip()[-200:]}")
    return parse(done.stdout, answer_size)
