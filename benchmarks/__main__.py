"""`python -m benchmarks`: measure, print a line a round, write the report."""

import argparse
import datetime
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import environment, measure, multiplexed
from benchmarks.environment import Environments, SetupError
from benchmarks.launch import missing_tools
from benchmarks.report import Facts, render
from benchmarks.results import Results, Round
from benchmarks.scenarios import GROUPS, SCENARIOS, Scenario
from benchmarks.servers import SERVERS, Server

RESULTS = Path(__file__).resolve().with_name("results")
TOOLS = ("wrk", "taskset")
MORE_VERSIONS = ("uvloop", "httptools", "h11", "fastapi", "a2wsgi", "cython")


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line. Exits with code 2 and one line when it is wrong."""
    servers = ", ".join(server.key for server in SERVERS)
    scenarios = ", ".join(scenario.key for scenario in SCENARIOS)
    groups = ", ".join(GROUPS)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--servers", metavar="A,B", help=f"only these (default: all installed): {servers}")
    add("--scenarios", metavar="A,B", help=f"only these (default: all): {groups}, {scenarios}")
    add("--rounds", type=int, help="rounds of each (default: 3)")
    add("--seconds", type=int, help="seconds under load a round (default: 3)")
    add("--connections", type=int, default=64, help="connections (default: 64)")
    add("--quick", action="store_true", help="one round of one second: does everything run?")
    add("--label", help="name of the report in benchmarks/results/ (default: date, Python)")
    add("--no-pin", action="store_true", help="don't hold server and client to a core each")
    add("--python", type=Path, help="use this environment's servers, install nothing")
    add("--interpreted-python", type=Path, help="the same for the interpreted tricorn")
    options = parser.parse_args(arguments)
    options.servers = _chosen(parser, "--servers", options.servers, [s.key for s in SERVERS])
    options.scenarios = _chosen(
        parser, "--scenarios", _spelled_out(options.scenarios), [s.key for s in SCENARIOS]
    )
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.seconds = options.seconds or (1 if options.quick else 3)
    if min(options.rounds, options.seconds, options.connections) < 1:
        parser.error("--rounds, --seconds and --connections must be at least 1")
    return options


def _spelled_out(given: str | None) -> str | None:
    """The names of scenarios, with the names of groups replaced by what is in them."""
    if given is None:
        return None
    return ",".join(key for one in given.split(",") for key in GROUPS.get(one, (one,)))


def _chosen(
    parser: argparse.ArgumentParser, option: str, given: str | None, known: list[str]
) -> list[str]:
    chosen = known if given is None else given.split(",")
    for key in chosen:
        if key not in known:
            parser.error(f"{option}: {key!r} isn't one of {', '.join(known)}")
    return chosen


def prepare(options: argparse.Namespace, scratch: Path) -> Environments:
    """The environments of the chosen servers. Raises SetupError."""
    chosen = [server for server in SERVERS if server.key in options.servers]
    wanted = {server.environment for server in chosen}
    base = environment.base_python()
    main = options.python or environment.build_environment(
        environment.ROOT / ".venv-bench", base, compiled=True
    )
    interpreted = options.interpreted_python
    if "interpreted" in wanted and not options.python and not interpreted:
        interpreted = environment.build_environment(
            environment.ROOT / ".venv-bench-interpreted", base, compiled=False
        )
    programs = {"main": main.absolute().parent}
    if interpreted:
        programs["interpreted"] = interpreted.absolute().parent
    if "floor" in wanted:
        programs["floor"] = environment.compile_program("floor", scratch)
        environment.compile_program("wsfloor", scratch)
    if set(options.scenarios) & set(GROUPS["ws"]):
        programs["wsload"] = environment.compile_program("wsload", scratch)
    if shutil.which("nginx"):
        programs["nginx"] = Path()
    if any(one.tls for one in SCENARIOS if one.key in options.scenarios):
        environment.make_certificate(scratch)
    return Environments(programs, environment.installed(main))


def usable_servers(options: argparse.Namespace, found: Environments) -> list[Server]:
    """The chosen servers that are there; the others are named on standard error."""
    usable = []
    for server in (server for server in SERVERS if server.key in options.servers):
        there = not server.package or server.package in found.versions
        if there and server.environment in found.programs:
            usable.append(server)
        else:
            print(f"{server.title}: not installed, left out", file=sys.stderr)
    return usable


def progress(round_number: int, one: Round, scenario: Scenario, server: Server) -> str:
    """One line about one round."""
    start = f"{scenario.key:18} round {round_number} {server.title:24}"
    if one.failure:
        return f"{start} FAILED: {one.failure}"
    if one.idle:
        return f"{start} {one.total:8.1f} µs {one.idle:.1f} KiB a connection"
    return (
        f"{start} {one.total:8.1f} µs ({one.user:.1f} user, {one.system:.1f} system) "
        f"{one.per_second:9,.0f} req/s  p99 {one.p99:,.0f} µs  {one.pss / 1024:.1f} MiB"
    )


def rounds(
    rig: measure.Rig, scenario: Scenario, servers: Sequence[Server], count: int
) -> list[Round]:
    """All rounds of a scenario, one server after the other in each. One that failed isn't run
    again: its failure is reported, and the others get the time."""
    taken: list[Round] = []
    left = [server for server in servers if scenario.key not in server.unsupported]
    for number in range(1, count + 1):
        for server in list(left):
            one = measure.measure(rig, server, scenario)
            taken.append(one)
            print(progress(number, one, scenario, server), flush=True)
            if one.failure:
                left.remove(server)
    return taken


def facts(options: argparse.Namespace, found: Environments, rig: measure.Rig) -> Facts:
    """What the report says about itself. No path of this machine gets in."""
    versions = found.versions
    packages = [server.package for server in SERVERS if server.key in options.servers]
    named = ["Python", *dict.fromkeys([*packages, *MORE_VERSIONS])]
    pinning = "not pinned" if rig.server_core is None else "server and client on a core each"
    settings = (
        f"{options.rounds} rounds of {options.seconds} s, {options.connections} connections "
        f"unless the scenario says otherwise, {pinning}"
    )
    return Facts(
        label=options.label or _label(options.quick, versions["Python"]),
        command=" ".join(["python -m benchmarks", *_without_paths(sys.argv[1:])]),
        settings=settings,
        machine=[*environment.machine(), *environment.checkout(found.programs["main"])],
        versions=[(name, versions[name]) for name in named if name in versions],
    )


def _label(quick: bool, python: str) -> str:
    return "quick" if quick else f"{datetime.date.today()}-python{python}"


def _without_paths(arguments: Sequence[str]) -> list[str]:
    return [Path(one).name if os.sep in one else one for one in arguments]


def write(
    about: Facts, scenarios: Sequence[Scenario], servers: Sequence[Server], results: Results
) -> Path:
    """The report, and the raw rounds beside it. Returns the report's path."""
    RESULTS.mkdir(exist_ok=True)
    report = RESULTS / f"{about.label}.md"
    report.write_text(render(about, scenarios, servers, results), encoding="utf-8")
    report.with_suffix(".json").write_text(json.dumps(results.to_json(), indent=1) + "\n")
    return report


def run(options: argparse.Namespace, scratch: Path) -> int:
    """The whole benchmark. Returns the exit code: 1 when a round failed. Raises SetupError."""
    found = prepare(options, scratch)
    servers = usable_servers(options, found)
    scenarios = [scenario for scenario in SCENARIOS if scenario.key in options.scenarios]
    server_core, client_core = measure.cores(pin=not options.no_pin)
    rig = measure.Rig(
        found.programs, options.seconds, options.connections, server_core, client_core, scratch
    )
    about = facts(options, found, rig)
    measure.working_directory(scratch)
    results = Results()
    report = RESULTS
    for scenario in scenarios:
        results.rounds += rounds(rig, scenario, servers, options.rounds)
        # After each scenario, so that an interrupted run leaves what it found.
        report = write(about, scenarios, servers, results)
    print(f"written: {report.relative_to(environment.ROOT)}")
    return int(any(one.failure for one in results.rounds))


def _more_tools(scenarios: Sequence[str]) -> tuple[str, ...]:
    """The programs that only some scenarios need."""
    chosen = [one for one in SCENARIOS if one.key in scenarios]
    tools = multiplexed.TOOLS if any(one.http2 for one in chosen) else ()
    return (*tools, "openssl") if any(one.tls for one in chosen) else tools


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark and return the exit code: 2 when it can't start."""
    options = parse_options(arguments)
    try:
        if platform.system() != "Linux":
            raise SetupError("CPU time of other processes is read from /proc: run it on Linux")
        if absent := missing_tools((*TOOLS, *_more_tools(options.scenarios))):
            raise SetupError(f"install {' and '.join(absent)} first")
        if not measure.raise_file_limit():
            raise SetupError("the limit of open files is under 6000: raise it with `ulimit -n`")
        with tempfile.TemporaryDirectory(prefix="tricorn-bench-") as folder:
            return run(options, Path(folder))
    except SetupError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; finished scenarios are in benchmarks/results/", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
