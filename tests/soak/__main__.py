"""`python -m tests.soak [--minutes 10] [--seed N] [--server-args ...]`.

Starts a server, has clients of four kinds use it, and watches what it holds. Exit code
0 where every answer was right and nothing grew, 1 with the reasons where not.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from tests.soak.client import Address
from tests.soak.hostile import LIMITS
from tests.soak.load import KINDS, Load
from tests.soak.trend import Trend
from tests.soak.watch import Watch, objections
from tests.support.server import FAULTS, LISTENING, Server, serve

ROUNDS = 8  # the load pauses so often, and at the end
SHORTEST = 0.5  # minutes; less gives no trend


def main() -> int:
    """Run the soak; say what came of it."""
    options = parse()
    if not Path("/proc/self/smaps_rollup").exists():
        print("soak: memory is read from /proc/PID/smaps_rollup, which Linux has")
        return 2
    seed = random.randrange(1 << 32) if options.seed is None else options.seed
    print(f"soak: {options.minutes:g} minutes, --seed {seed}", flush=True)
    reasons: list[str] = []
    with tempfile.TemporaryDirectory(prefix="tricorn-soak-") as folder:
        args = server_args(options.server_args, folder)
        with serve("soaked:app", *args, allow_errors=True) as server:
            try:
                reasons += asyncio.run(soak(server, options.minutes * 60, seed))
            except (OSError, EOFError, ValueError) as error:
                reasons.append(f"the server couldn't be watched: {error!r}{ended(server)}")
        reasons += log_faults(server)
    for reason in reasons:
        print(f"soak: {reason}")
    print(f"soak: {'FAILED' if reasons else 'passed'}")
    return 1 if reasons else 0


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="time under load [10]")
    parser.add_argument("--seed", type=int, help="of the clients' choices; random if not given")
    parser.add_argument(
        "--server-args", nargs=argparse.REMAINDER, default=[], help="further options, to the end"
    )
    options = parser.parse_args()
    if options.minutes < SHORTEST:
        parser.error(f"--minutes must be at least {SHORTEST}")
    return options


def server_args(extra: list[str], folder: str) -> list[str]:
    """TCP and a Unix socket, unless the options say where to listen."""
    listens = any(arg.split("=", 1)[0] in LISTENING for arg in extra)
    places = [] if listens else ["--bind", "127.0.0.1:0", "--bind", f"unix:{folder}/socket"]
    # The log is kept in memory until the end: without a line for each request.
    return ["--no-access-log", *LIMITS, *places, *extra]


def addresses(server: Server) -> list[Address]:
    """Where the server says it listens."""
    places: list[Address] = []
    for banner in server.banners():
        if banner["path"]:
            places.append(banner["path"])
        else:
            places.append((banner["host"] or banner["v6"], int(banner["port"])))
    return places


async def soak(server: Server, total: float, seed: int) -> list[str]:
    """The load, in rounds, with a rest behind each; what is wrong."""
    places = addresses(server)
    load = Load(places, seed)
    watch = Watch(server.pid, places[0])
    reasons = []
    try:
        await watch.begin()
        for number in range(1, ROUNDS + 1):
            load.resume()
            await watch.sample_for(total / ROUNDS)
            await load.pause()
            if left := await watch.rest():
                reasons.append(f"round {number}: {left}")
            print(f"soak: round {number} of {ROUNDS}, {sum(load.requests.values())} requests")
            sys.stdout.flush()
    finally:
        await load.stop()
    trends = watch.trends()
    show(load, trends)
    failed = [f"{count} failed of kind {kind}" for kind, count in load.failed.items()]
    silent = [f"no {kind.name} client got done" for kind in KINDS if not load.requests[kind.name]]
    return reasons + failed + silent + load.errors + objections(trends)


def show(load: Load, trends: dict[str, Trend]) -> None:
    """The table: what was asked, and what it cost."""
    print(f"\n{'':14}{'requests':>10}{'errors':>10}")
    for kind in KINDS:
        print(f"{kind.name:14}{load.requests[kind.name]:>10}{load.failed[kind.name]:>10}")
    print(f"\n{'':14}{'first':>10}{'last':>10}{'most':>10}{'growth':>10}{'an hour':>10}")
    for name, one in trends.items():
        digits = 1 if name in ("rss", "pss", "anonymous") else 0
        values = (one.first, one.last, one.most)
        row = "".join(f"{value:>10.{digits}f}" for value in values)
        unit = " MiB" if digits else ""
        print(f"{name:14}{row}{one.growth:>10.2f}{one.per_hour:>10.1f}{unit}")
    print(flush=True)


def log_faults(server: Server) -> list[str]:
    """What the server's log has that a healthy one never has."""
    output = server.output()
    faults = [f"the log has {fault!r}" for fault in FAULTS if fault in output]
    return [*faults, output[-5000:]] if faults else []


def ended(server: Server) -> str:
    code = server.process.poll()
    return "" if code is None else f"; it ended with {code}:\n{server.output()[-5000:]}"


if __name__ == "__main__":
    sys.exit(main())
