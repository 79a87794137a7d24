"""The long version: `python -m tests.chaos [--minutes N] [--seed N] [OPTION OF TRICORN ...]`."""

from __future__ import annotations

import argparse
import time
from random import Random

from tests.chaos.happenings import GENTLE, ROUGH
from tests.chaos.run import run


def main() -> None:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (10)")
    parser.add_argument("--seed", type=int, default=0, help="to repeat a run (0)")
    parser.add_argument("--gentle", action="store_true", help="kill nothing")
    known, arguments = parser.parse_known_args()
    random = Random(known.seed)
    names = [*GENTLE] if known.gentle else [*GENTLE, *ROUGH]
    end = time.monotonic() + known.minutes * 60
    while time.monotonic() < end:
        chosen = [random.choice(names) for _ in range(8)]
        print(" ".join(chosen), run(chosen, arguments, random.randrange(1 << 30)), sep=": ")


if __name__ == "__main__":
    main()
