"""What holds for the whole suite."""

import gc
import os
import sys
from collections.abc import Generator
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest
from _pytest._code.code import ExceptionRepr
from hypothesis import HealthCheck, settings

import tricorn
from tests.support.server import STARTED
from tests.support.tools import IN_CI

Report = TypeVar("Report", pytest.CollectReport, pytest.TestReport)
SOURCE = Path(__file__).parent.parent / "src"
TOLD_LINES = 200  # of a server's output, in a failure

# A busy machine is no failure. CI repeats itself, so that what it says is about the change.
settings.register_profile(
    "whole",
    deadline=None,
    derandomize=IN_CI,
    database=None if IN_CI else settings().database,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("brief", settings.get_profile("whole"), max_examples=20)
settings.load_profile("whole")


def pytest_configure(config: pytest.Config) -> None:
    """In the matrix, the package under test is the installed one."""
    if "TEST_SPEED" not in os.environ:
        return
    place = Path(tricorn.__file__).resolve()
    if place.is_relative_to(SOURCE):
        raise pytest.UsageError(f"tricorn is imported from {SOURCE}: install the wheel first")


# Attacks on real processes, real frameworks, and long searches through made-up input: they
# run on the oldest Python, at both speeds. What they hold is the source's and not the
# Python's; the tests of each layer run on all. What is in ONCE isn't named here again.
HEAVY = (
    "attacks",
    "autobahn",
    "clients/test_http2_tls.py",
    "clients/test_websocket_clients.py",
    "http2",
    "recipes",
    "wire/test_h1_cost.py",
    "wire/test_h1_differential.py",
    "wire/test_h1_splits.py",
    "wire/test_h2_differential.py",
    "wire/test_h2_model.py",
    "wire/test_h2_splits.py",
    "wire/test_hpack_cost.py",
    "wire/test_ws_cost.py",
    "wire/test_ws_differential.py",
    "wire/test_ws_splits.py",
)


# Servers as processes of their own: of the newer Pythons the newest runs them, compiled, as they
# are installed. The others run the in-process tests of the same layers.
WHOLE_SERVERS = (
    "clients",
    "serve/test_apps_in_turn.py",
    "serve/test_command_line.py",
    "serve/test_http2.py",
    "serve/test_https_redirect.py",
    "serve/test_pidfile.py",
    "serve/test_program.py",
    "serve/test_proxy_protocol.py",
    "serve/test_signals.py",
    "serve/test_systemd.py",
    "serve/test_tls.py",
    "serve/test_tls_transports.py",
    "serve/test_websockets.py",
)


# Code without a compiled version: the speed makes no difference to it.
UNCOMPILED = (
    "compat",
    "demo",
    "edge",
    "settings",
    "supervise",
    "test_cli.py",
    "test_product.py",
)


# What neither the Python nor the speed changes: browsers, the benchmarks, the tests' own
# tools; and what is about processes, whose code is never compiled: parents and managers.
ONCE = (
    "attacks/test_http2_floods.py",
    "attacks/test_http2_slow.py",
    "attacks/test_http2_websockets.py",
    "benchmarks",
    "chaos",
    "clients/test_grpc.py",
    "clients/test_http2_browser.py",
    "clients/test_http2_python.py",
    "clients/test_http2_tools.py",
    "clients/test_http2_websockets.py",
    "clients/test_websocket_browser.py",
    "demo/test_browser.py",
    "deployment",
    "recipes/test_frameworks.py",
    "recipes/test_websockets_behind_nginx.py",
    "serve/test_drain_delay.py",
    "serve/test_process_server.py",
    "serve/test_tls_profile.py",
    "shim",
    "soak",
    "supervise/test_control.py",
    "supervise/test_dealing.py",
    "supervise/test_failures.py",
    "supervise/test_places.py",
    "supervise/test_preload.py",
    "supervise/test_reload.py",
    "supervise/test_reload_errors.py",
    "supervise/test_stopping.py",
    "supervise/test_succession.py",
    "test_support.py",
    "translate",
    "wire/test_fuzz_corpus.py",
)


MARKS = {
    "slow_matrix": HEAVY,
    "whole_server": WHOLE_SERVERS,
    "uncompiled": UNCOMPILED,
    "once": ONCE,
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the heavy folders and files, so that no new file in them is forgotten."""
    for item in items:
        for mark in marks_of(item.path):
            item.add_marker(mark)
        if is_attack_on_the_loop(item):
            item.add_marker(pytest.mark.once)


@cache  # a file has many tests, and comparing paths is slow
def marks_of(file: Path) -> tuple[str, ...]:
    here = Path(__file__).parent
    return tuple(
        mark
        for mark, places in MARKS.items()
        if any(file.is_relative_to(here / place) for place in places)
    )


def is_attack_on_the_loop(item: pytest.Item) -> bool:
    """The loop's transports are no code of ours: with them, one speed is enough."""
    parameters = item.name.partition("[")[2].rstrip("]").split("-")
    return "loop" in parameters and item.path.is_relative_to(Path(__file__).parent / "attacks")


def pytest_collection_finish() -> None:
    """What was imported is left out of collections: many tests make one, each a tenth of a second.

    What tests import or start from here on leaves no bytecode: a module that a test writes twice
    within a second, at the same length, would be the old one still.
    """
    gc.collect()
    gc.freeze()
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"


def pytest_report_header(config: pytest.Config) -> str:
    speed = os.environ.get("TEST_SPEED", "as imported")
    return f"tricorn: {speed}, from {Path(tricorn.__file__).parent}"


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return fail_in_ci((yield))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    for server in STARTED:
        server.mark()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = fail_in_ci((yield))
    if report.failed:
        tell_outputs(report)
    if report.when == "teardown":
        STARTED[:] = [server for server in STARTED if server.process.poll() is None]
    return report


def tell_outputs(report: pytest.TestReport) -> None:
    """A failure shows what servers have written meanwhile, those that tests share too."""
    if not isinstance(report.longrepr, ExceptionRepr):
        return
    for server in STARTED:
        lines = server.new_lines()
        if lines and not server.told:
            words = " ".join(map(str, server.process.args))[-200:]
            text = "\n".join(lines[-TOLD_LINES:])
            report.longrepr.addsection(f"process {server.pid}, {words}, wrote", text)
            server.told = True


def fail_in_ci(report: Report) -> Report:
    """In CI a package that `pytest.importorskip` misses is a failure: the suite lists it."""
    missing = report.outcome == "skipped" and "could not import" in str(report.longrepr)
    if missing and IN_CI:
        report.outcome = "failed"
    return report
