"""What tricorn must reach, and whether it did."""

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.results import Results
from benchmarks.scenarios import GROUPS, SCENARIOS
from benchmarks.servers import SERVERS

# CPU per request of each peer, divided by tricorn's: at least this much.
REQUIRED_RATIOS = {
    "get": {"uvicorn": 4.0, "granian": 1.8, "h2corn": 1.8, "peregrine": 1.1},
    "browser": {"uvicorn": 4.0, "granian": 2.0, "h2corn": 2.0, "peregrine": 1.1},
    "post": {"uvicorn": 4.0, "granian": 2.0, "h2corn": 2.0, "peregrine": 1.1},
    "10kb": {"uvicorn": 3.5, "granian": 1.5, "h2corn": 1.5, "peregrine": 1.0},
    "stream": {"uvicorn": 3.5, "granian": 1.5, "h2corn": 1.5, "peregrine": 1.0},
}
# The same per WebSocket message that is echoed; the other peers must cost more than tricorn.
ECHO_RATIOS = {"uvicorn": 3.0, "granian": 1.5}
# The same per HTTP/2 request.
HTTP2_RATIOS = {"granian": 1.33, "h2corn": 1.33, "peregrine": 1.0, "hypercorn": 10.0}
# Over TLS, and the same in cleartext: what is between them may be no more than with nginx. Not of
# HTTP/2: there nginx writes each answer by itself in cleartext, and many at once over TLS.
TLS_PAIRS = (("tls", "get"), ("tls-close", "close"))
# Those whose connections are Python objects.
PYTHON_PEERS = ("uvicorn", "uvicorn-wsproto", "hypercorn", "gunicorn")
# More memory than uvicorn at most, in KiB; growth of CPU per request from the default number of
# connections to 1000, and from no access log to one, at most.
MEMORY_ALLOWANCE = 5 * 1024
CONNECTIONS_GROWTH = 0.25
ACCESS_LOG_GROWTH = 0.15


class Target(NamedTuple):
    """One requirement. `met` is None when it wasn't measured."""

    scenario: str
    what: str
    required: str
    measured: str
    met: bool | None


def targets(results: Results) -> list[Target]:
    """Every requirement, in the order of the tables."""
    return [
        *_peer_ratios(results),
        *_variants(results),
        _memory(results),
        _growth(results, "1000", "growth with 1000 connections", CONNECTIONS_GROWTH),
        _growth(results, "log", "growth with the access log on", ACCESS_LOG_GROWTH),
        *_echoes(results),
        *_idle(results),
        *_http2(results),
        *(_tls(results, *pair) for pair in TLS_PAIRS),
    ]


def _at_least(scenario: str, what: str, required: float, ratio: float | None) -> Target:
    measured = "" if ratio is None else f"{ratio:.2f}"
    met = None if ratio is None else ratio >= required
    return Target(scenario, what, f"at least {required:.3g}", measured, met)


def _peer_ratios(results: Results) -> Iterator[Target]:
    for scenario, peers in REQUIRED_RATIOS.items():
        for peer, required in peers.items():
            ratio = results.ratio(scenario, peer)
            yield _at_least(scenario, f"{peer} / tricorn", required, ratio)


def _echoes(results: Results) -> Iterator[Target]:
    for key in (one.key for one in SCENARIOS if one.talk and one.talk.mode == "echo"):
        for peer in (one for one in SERVERS if one.is_peer and key not in one.unsupported):
            ratio = results.ratio(key, peer.key)
            what = f"{peer.key} / tricorn"
            if peer.key in ECHO_RATIOS:
                yield _at_least(key, what, ECHO_RATIOS[peer.key], ratio)
            elif ratio is None:
                yield Target(key, what, "above 1", "", None)
            else:
                yield Target(key, what, "above 1", f"{ratio:.2f}", ratio > 1)


def _idle(results: Results) -> Iterator[Target]:
    for key in (one.key for one in SCENARIOS if one.talk and one.talk.mode == "idle"):
        for peer in PYTHON_PEERS:
            what = f"memory a connection, {peer} / tricorn"
            ours, theirs = results.measured(key, "tricorn"), results.measured(key, peer)
            if ours is None or theirs is None or not ours.idle:
                yield Target(key, what, "above 1", "", None)
            else:
                ratio = theirs.idle / ours.idle
                yield Target(key, what, "above 1", f"{ratio:.2f}", ratio > 1)


def _http2(results: Results) -> Iterator[Target]:
    for key in GROUPS["http2"]:
        for peer, required in HTTP2_RATIOS.items():
            ratio = results.ratio(key, peer)
            yield _at_least(key, f"{peer} / tricorn", required, ratio)


def _tls(results: Results, secure: str, plain: str) -> Target:
    what = f"what TLS adds to {plain}"
    added = []
    for server in ("nginx", "tricorn"):
        over, without = results.measured(secure, server), results.measured(plain, server)
        if over is None or without is None:
            return Target(secure, what, "at most nginx's", "", None)
        added.append(over.total - without.total)
    required = f"at most nginx's {added[0]:.1f} µs"
    return Target(secure, what, required, f"{added[1]:.1f} µs", added[1] <= added[0])


def _variants(results: Results) -> Iterator[Target]:
    for variant in ("tricorn-interpreted", "tricorn-asyncio"):
        for scenario in REQUIRED_RATIOS:
            ratio = results.ratio(scenario, "uvicorn", to=variant)
            yield _at_least(scenario, f"uvicorn / {variant}", 1.0, ratio)


def _memory(results: Results) -> Target:
    what, required = "memory above uvicorn's", f"at most {MEMORY_ALLOWANCE / 1024:.0f} MiB"
    ours, theirs = results.measured("get", "tricorn"), results.measured("get", "uvicorn")
    if ours is None or theirs is None:
        return Target("get", what, required, "", None)
    more = ours.pss - theirs.pss
    return Target("get", what, required, f"{more / 1024:+.1f} MiB", more <= MEMORY_ALLOWANCE)


def _growth(results: Results, scenario: str, what: str, allowed: float) -> Target:
    required = f"at most {allowed:.0%}"
    few, many = results.measured("get", "tricorn"), results.measured(scenario, "tricorn")
    if few is None or many is None or not few.total:
        return Target(scenario, what, required, "", None)
    growth = many.total / few.total - 1
    return Target(scenario, what, required, f"{growth:+.1%}", growth <= allowed)
