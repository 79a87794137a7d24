"""`python -m tests.fuzz --seconds N [--target NAME] [--keep]`."""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz import corpus
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parent.parent.parent


def main() -> int:
    """Fuzz each target for its share of the time; 1 when one of them found something."""
    options = parse()
    if importlib.util.find_spec("atheris") is None:
        print("fuzz: atheris is not installed; `pip install atheris` (Linux and macOS)")
        return 2
    names = options.target or list(TARGETS)
    failed = [name for name in names if not fuzz(name, options.seconds // len(names), options.keep)]
    print(f"fuzz: found something in {', '.join(failed)}" if failed else "fuzz: found nothing")
    return 1 if failed else 0


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="time for all targets together")
    parser.add_argument("--target", action="append", choices=list(TARGETS), help="only this one")
    parser.add_argument(
        "--keep", action="store_true", help="add what reaches new code to the committed corpus"
    )
    return parser.parse_args()


def fuzz(name: str, seconds: int, keep: bool) -> bool:
    """Run one target; say what broke it, if anything did."""
    with tempfile.TemporaryDirectory(prefix="tricorn-fuzz-") as place:
        found, start, broken = (Path(place, part) for part in ("found", "seeds", "broken"))
        for folder in (found, start, broken):
            folder.mkdir()
        for index, seed in enumerate(corpus.seeds(name)):
            (start / f"{index:05}").write_bytes(seed)
        options = [f"-max_total_time={max(seconds, 1)}", "-max_len=4096", "-timeout=20"]
        options += [f"-artifact_prefix={broken}/", "-print_final_stats=0", "-verbosity=0"]
        print(f"fuzz: {name} for {max(seconds, 1)} s", flush=True)
        code = libfuzzer(name, [*options, str(found), str(start)])
        for path in broken.iterdir():
            print(f"fuzz: {name} breaks on {path.read_bytes()!r}")
        if keep:
            inputs = [path.read_bytes() for path in found.iterdir()]
            corpus.save(name, corpus.load(name) + [one for one in inputs if len(one) <= 512])
    return code == 0


def libfuzzer(name: str, options: list[str]) -> int:
    """libFuzzer ends its process, so it gets one of its own."""
    command = [sys.executable, "-m", "tests.fuzz.run", name, *options]
    return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    sys.exit(main())
