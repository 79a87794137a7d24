"""`python -m benchmarks.instructions`: the instructions a request costs tricorn.

Counted by callgrind, in the process and not in the system: the same in each run, which time on a
shared machine isn't. Two runs of different length are subtracted, so that starting up doesn't
count. Needs `valgrind`.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.lockstep import batch_of, lockstep_scenario

KEYS = (
    *("get", "browser", "10kb", "stream", "post", "upload", "close", "wsgi"),
    *("ws-32-100", "ws-1k-100", "ws-64k-100"),
    *("tls", "tls-close", "h2c-8x16", "h2-8x16", "h2-10kb"),
)
# Batches of the shorter run: by then all is warm, the interpreter's adaptive code among it.
SHORT = 8
LONG = 40
FUNCTION = re.compile(r"\s*([\d,]+) \([^)]*\)\s+\S+?:(\S+)")


class CountError(Exception):
    """A run failed."""


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line. Exits with code 2 and one line when it is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.instructions",
        description="Count the instructions that a request costs the tricorn of this environment.",
    )
    parser.add_argument(
        "--scenarios", metavar="A,B", help=f"only these (default: all): {', '.join(KEYS)}"
    )
    parser.add_argument(
        "--functions", type=int, default=0, metavar="N", help="show the N costliest functions"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave callgrind's files here")
    options = parser.parse_args(arguments)
    options.scenarios = options.scenarios.split(",") if options.scenarios else list(KEYS)
    for key in options.scenarios:
        if key not in KEYS:
            parser.error(f"--scenarios: {key!r} isn't one of {', '.join(KEYS)}")
    return options


def run(key: str, requests: int, out: Path) -> int:
    """Serve so many requests; return the instructions that took, all in all."""
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", sys.executable]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        [*command, "-m", "benchmarks.lockstep", key, str(requests)],
        env=environment,
        capture_output=True,
        text=True,
    )
    collected = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or collected is None:
        raise CountError(f"{key}: {done.stderr.strip().splitlines()[-1]}")
    return int(collected[1])


def per_function(out: Path) -> Counter[str]:
    """Read the instructions of each function, without those it calls."""
    done = subprocess.run(
        ["callgrind_annotate", "--threshold=100", "--auto=no", str(out)],
        capture_output=True,
        text=True,
    )
    found: Counter[str] = Counter()
    for line in done.stdout.splitlines():
        match = FUNCTION.match(line)
        if match:
            found[match[2]] += int(match[1].replace(",", ""))
    return found


def count(key: str, folder: Path, functions: int) -> list[str]:
    """Measure one scenario; return the lines to print."""
    many = batch_of(lockstep_scenario(key))
    short, long = folder / f"{key}.short.out", folder / f"{key}.long.out"
    requests = (LONG - SHORT) * many
    total = (run(key, LONG * many, long) - run(key, SHORT * many, short)) / requests
    lines = [f"{key:10} {total:10,.0f}"]
    if functions:
        costs = per_function(long)
        costs.subtract(per_function(short))
        lines += [f"{cost / requests:21,.0f} {name}" for name, cost in costs.most_common(functions)]
    return lines


def main(arguments: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    options = parse_options(arguments)
    if not shutil.which("valgrind"):
        print("valgrind isn't installed: it counts the instructions", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        folder: Path = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for key in options.scenarios:
            try:
                print("\n".join(count(key, folder, options.functions)), flush=True)
            except CountError as error:
                print(error, file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
