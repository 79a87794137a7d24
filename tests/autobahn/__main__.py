"""`python -m tests.autobahn [--cases A,B] [--at-once N] [--server-args ...]`.

Runs Autobahn's performance and compression groups, or the cases that are named, against a
server, and prints a line a group. Exit code 0 where all were strictly passed.
"""

import argparse
import sys
from collections.abc import Sequence
from itertools import groupby

from tests.autobahn.cases import LONG, Outcome, run
from tests.support.server import serve


def main(arguments: Sequence[str]) -> int:
    """Run the cases and return the exit code: 1 where one wasn't strictly passed."""
    options = parse(arguments)
    cases = tuple(options.cases.split(","))
    listening = ("--no-access-log", *options.server_args)
    # The largest messages of group 9 are of 16 MiB, which is the default limit, too.
    with serve("sockets:app", *listening) as server:
        outcomes = run(server, cases, (), options.at_once)
        # kosoku ends a case after 20 seconds, where Autobahn allows those of many megabytes
        # 480. That it takes so long beside another one says little of the server.
        late = tuple(outcome.case for outcome in outcomes if outcome.unfinished)
        if late and options.at_once > 1:
            print(f"autobahn: not finished in time, so run again alone: {', '.join(late)}")
            again = {outcome.case: outcome for outcome in run(server, late, (), 1)}
            outcomes = [again.get(outcome.case, outcome) for outcome in outcomes]
    for group, found in groupby(outcomes, key=group_of):
        print(line(group, list(found)))
    slips = [outcome for outcome in outcomes if not outcome.strict]
    for slip in slips:
        print(f"autobahn: {slip}")
    print(f"autobahn: {len(outcomes) - len(slips)} of {len(outcomes)} cases strictly passed")
    return int(bool(slips) or not outcomes)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.autobahn", description=__doc__)
    add = parser.add_argument
    add("--cases", default=",".join(LONG), help="such as 9.*,12.1.3 [%(default)s]")
    add("--at-once", type=int, default=2, metavar="N", help="cases at the same time [2]")
    add("--server-args", nargs=argparse.REMAINDER, default=[], help="further options, to the end")
    return parser.parse_args(arguments)


def group_of(outcome: Outcome) -> str:
    """The group of a case: 12.3 for 12.3.7."""
    return ".".join(outcome.case.split(".")[:2])


def line(group: str, outcomes: list[Outcome]) -> str:
    """A group's cases, how many of them were strictly passed, and how long they took."""
    strict = sum(outcome.strict for outcome in outcomes)
    seconds = sum(outcome.milliseconds for outcome in outcomes) / 1000
    return f"{group:6} {strict:3} of {len(outcomes):3} strict, {seconds:7.2f} s"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
