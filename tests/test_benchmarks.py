"""The benchmark's own arithmetic and judgement, and one short run of it."""

import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

import pytest

from benchmarks import __main__ as program
from benchmarks import (
    check,
    environment,
    instructions,
    launch,
    load,
    measure,
    multiplexed,
    proctree,
    report,
    talk,
    targets,
)
from benchmarks.results import Results, Round, failures, losses, summarise
from benchmarks.scenarios import GROUPS, SCENARIOS
from benchmarks.servers import SERVERS, Launch

SCENARIO = {scenario.key: scenario for scenario in SCENARIOS}
SERVER = {server.key: server for server in SERVERS}
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def taken(server: str, total: float, scenario: str = "get", **more: float) -> Round:
    plain = Round(scenario, server, 1, 1.0, total, total, p50=1.0, p99=1.0, pss=1024.0)
    return replace(plain, **more)  # type: ignore[arg-type]


class TestSummary:
    def test_figures_are_medians_of_the_rounds(self) -> None:
        found = summarise([taken("a", 30, p99=1), taken("a", 10, p99=9), taken("a", 20, p99=5)])
        assert (found.total, found.p99) == (20, 5)

    def test_spread_is_the_range_of_the_totals_over_their_median(self) -> None:
        assert summarise([taken("a", 30), taken("a", 10), taken("a", 20)]).spread == 1.0

    def test_one_failed_round_leaves_no_figures(self) -> None:
        found = summarise([taken("a", 30), Round("get", "a", failure="it burnt down")])
        assert (found.failure, found.total) == ("it burnt down", 0)

    def test_ratio_is_the_peers_cost_over_tricorns(self) -> None:
        assert Results([taken("tricorn", 10), taken("uvicorn", 45)]).ratio("get", "uvicorn") == 4.5

    def test_there_is_no_ratio_to_a_failure(self) -> None:
        results = Results([Round("get", "tricorn", failure="x"), taken("uvicorn", 45)])
        assert results.ratio("get", "uvicorn") is None

    def test_rounds_survive_json(self) -> None:
        results = Results([taken("tricorn", 10), Round("get", "a", failure="x")])
        assert Results.from_json(results.to_json()) == results


class TestLosses:
    def test_a_cheaper_peer_is_listed_and_a_dearer_one_is_not(self) -> None:
        results = Results([taken("tricorn", 10), taken("uvicorn", 11), taken("peregrine", 9.9)])
        found = losses(results, ["get"], ["uvicorn", "peregrine"])
        assert [(one.server, one.ours, one.theirs) for one in found] == [("peregrine", 10, 9.9)]

    def test_more_requests_per_second_win_and_longer_latency_loses(self) -> None:
        results = Results([taken("tricorn", 1), taken("h2corn", 2, per_second=2.0, p99=2.0)])
        assert [one.measure for one in losses(results, ["get"], ["h2corn"])] == [
            "requests per second"
        ]

    def test_cpu_comes_before_the_other_measures(self) -> None:
        rounds = [taken("tricorn", 2, "get", p99=2.0), taken("h2corn", 2, "get", p99=1.0)]
        rounds += [taken("tricorn", 2, "post"), taken("h2corn", 1, "post")]
        found = losses(Results(rounds), ["get", "post"], ["h2corn"])
        assert [one.scenario for one in found] == ["post", "get"]

    def test_a_failed_peer_beats_nobody(self) -> None:
        results = Results([taken("tricorn", 10), Round("get", "uvicorn", failure="x")])
        assert losses(results, ["get"], ["uvicorn"]) == []

    def test_tricorns_own_failures_are_told(self) -> None:
        results = Results([Round("get", "tricorn", failure="x")])
        assert failures(results, ["get", "post"]) == [("get", "x")]


class TestTargets:
    def verdicts(self, *rounds: Round) -> dict[tuple[str, str], bool | None]:
        found = targets.targets(Results(list(rounds)))
        return {(one.scenario, one.what): one.met for one in found}

    def test_a_ratio_is_met_exactly_at_the_requirement(self) -> None:
        met = self.verdicts(taken("tricorn", 10), taken("uvicorn", 40), taken("granian", 17.9))
        assert met["get", "uvicorn / tricorn"] is True
        assert met["get", "granian / tricorn"] is False
        assert met["get", "h2corn / tricorn"] is None

    def test_variants_are_compared_with_uvicorn(self) -> None:
        met = self.verdicts(
            taken("uvicorn", 40), taken("tricorn-interpreted", 41), taken("tricorn-asyncio", 39)
        )
        assert met["get", "uvicorn / tricorn-interpreted"] is False
        assert met["get", "uvicorn / tricorn-asyncio"] is True

    def test_memory_may_be_five_mebibytes_above_uvicorns(self) -> None:
        uvicorn = taken("uvicorn", 40, pss=20480.0)
        assert self.verdicts(taken("tricorn", 10, pss=25600.0), uvicorn)[
            "get", "memory above uvicorn's"
        ]
        assert (
            self.verdicts(taken("tricorn", 10, pss=25601.0), uvicorn)[
                "get", "memory above uvicorn's"
            ]
            is False
        )

    @pytest.mark.parametrize(
        ("scenario", "what", "most"),
        [
            ("1000", "growth with 1000 connections", 25),
            ("log", "growth with the access log on", 15),
        ],
    )
    def test_growth(self, scenario: str, what: str, most: int) -> None:
        few = taken("tricorn", 100)
        assert self.verdicts(few, taken("tricorn", 100 + most, scenario))[scenario, what] is True
        assert self.verdicts(few, taken("tricorn", 101 + most, scenario))[scenario, what] is False

    def test_an_echo_has_to_be_cheaper_than_any_peers(self) -> None:
        rounds = [taken(peer, cost, "ws-1k-1") for peer, cost in [("tricorn", 10), ("h2corn", 10)]]
        rounds += [taken("uvicorn", 30, "ws-1k-1"), taken("granian", 14.9, "ws-1k-1")]
        met = self.verdicts(*rounds)
        assert met["ws-1k-1", "h2corn / tricorn"] is False
        assert met["ws-1k-1", "uvicorn / tricorn"] is True
        assert met["ws-1k-1", "granian / tricorn"] is False
        assert ("ws-1k-1-deflate", "granian / tricorn") not in met  # it has none

    def test_an_idle_connection_has_to_be_smaller_than_a_python_peers(self) -> None:
        met = self.verdicts(
            taken("tricorn", 100, "ws-idle", idle=4.0),
            taken("uvicorn", 10, "ws-idle", idle=4.1),
            taken("hypercorn", 10, "ws-idle", idle=4.0),
        )
        assert met["ws-idle", "memory a connection, uvicorn / tricorn"] is True
        assert met["ws-idle", "memory a connection, hypercorn / tricorn"] is False

    @pytest.mark.parametrize(("ours", "met"), [(19.0, True), (21.0, False)])
    def test_tls_may_add_what_it_adds_to_nginx(self, ours: float, met: bool) -> None:
        rounds = [taken("nginx", 10), taken("nginx", 20, "tls"), taken("tricorn", 10)]
        found = targets.targets(Results([*rounds, taken("tricorn", ours, "tls")]))
        one = next(target for target in found if target.scenario == "tls")
        assert (one.required, one.met) == ("at most nginx's 10.0 µs", met)

    def test_every_target_names_a_scenario_and_a_server_that_exist(self) -> None:
        for scenario, peers in targets.REQUIRED_RATIOS.items():
            assert scenario in SCENARIO
            assert set(peers) <= set(SERVER)


class TestReport:
    facts = report.Facts("x", "python -m benchmarks", "3 rounds", [("CPU", "Z80")], [("a", "1")])

    def test_a_table_has_a_rule_and_a_line_for_each_row(self) -> None:
        assert report.table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |\n"

    def test_servers_are_ranked_and_the_failed_and_the_unable_are_named(self) -> None:
        results = Results(
            [
                taken("uvicorn", 40, "wsgi"),
                taken("tricorn", 10, "wsgi"),
                Round("wsgi", "granian", failure="status 500, not 200"),
            ]
        )
        servers = [SERVER[key] for key in ("uvicorn", "tricorn", "granian", "h2corn")]
        text = report.render(self.facts, [SCENARIO["wsgi"]], servers, results)
        section = text.partition("## Plain WSGI app")[2]
        assert section.index("| tricorn | 10.0") < section.index("| uvicorn[standard] | 40.0")
        assert "| 4.00 |" in section
        assert "- granian: **failed**, status 500, not 200." in section
        assert "- h2corn: not run, it serves ASGI only." in section
        assert "Z80" in text

    def test_losses_are_listed_before_the_scenarios(self) -> None:
        results = Results([taken("tricorn", 10), taken("peregrine", 9), taken("floor", 5)])
        servers = [SERVER[key] for key in ("tricorn", "peregrine", "floor")]
        text = report.render(self.facts, [SCENARIO["get"]], servers, results)
        lost = text.partition("## What tricorn loses")[2].partition("## Small GET")[0]
        assert "| Small GET | CPU per request, µs | peregrine-server | 9.0 | 10.0 |" in lost
        assert "floor" not in lost


class TestLoad:
    outcome = (
        'noise\nOUTCOME {"requests": 10, "microseconds": 2000000, "bytes": %d, "p50": 5, "p99": 9,'
        ' "connect": 0, "read": %d, "write": 0, "status": 0, "timeout": 0}\n'
    )

    def test_the_outcome_is_read_from_its_line(self) -> None:
        assert load.parse(self.outcome % (500, 0), 13) == (10, 2000000, 500, 5, 9)

    @pytest.mark.parametrize(
        ("output", "message"),
        [
            (outcome % (500, 3), "3 read errors in 10 requests"),
            (outcome % (129, 0), "shorter"),
            ("wrk: cannot connect", "no outcome"),
        ],
    )
    def test_anything_wrong_is_an_error(self, output: str, message: str) -> None:
        with pytest.raises(load.LoadError, match=message):
            load.parse(output, 13)


H2LOAD = """
finished in 1.02s, 4000.00 req/s, 1.00MB/s
requests: 4080 total, 4090 started, 4080 done, 4080 succeeded, {failed} failed, 0 errored, 0 timeout
status codes: {good} 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 100KB (102400) total, 1KB (1024) headers (space savings 90%), 50KB ({content}) data
"""


class TestH2load:
    def test_the_outcome_is_read_from_its_lines(self) -> None:
        printed = H2LOAD.format(failed=0, good=4080, content=4080 * 13)
        found = multiplexed.parse(printed, 13, [*range(1, 101)])
        assert found == load.Outcome(4080, 1020000, 4080 * 13, 50, 99)

    @pytest.mark.parametrize(
        ("failed", "good", "content", "message"),
        [
            (3, 4080, 53040, "3 failed"),
            (0, 4070, 53040, "4070 of 4080 2xx"),
            (0, 4080, 53039, "shorter"),
        ],
    )
    def test_anything_wrong_is_an_error(
        self, failed: int, good: int, content: int, message: str
    ) -> None:
        printed = H2LOAD.format(failed=failed, good=good, content=content)
        with pytest.raises(load.LoadError, match=message):
            multiplexed.parse(printed, 13, [1])

    def test_other_words_are_an_error(self) -> None:
        with pytest.raises(load.LoadError, match="no outcome"):
            multiplexed.parse("what is this", 13, [1])


class TestOptions:
    def test_quick_is_one_short_round(self) -> None:
        options = program.parse_options(["--quick"])
        assert (options.rounds, options.seconds) == (1, 1)

    def test_an_unknown_name_is_refused_in_one_line(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as exited:
            program.parse_options(["--servers", "tricorn,apache"])
        assert exited.value.code == 2
        assert "'apache' isn't one of tricorn," in capsys.readouterr().err

    def test_a_group_names_its_scenarios(self) -> None:
        options = program.parse_options(["--scenarios", "ws,get"])
        assert options.scenarios == [*GROUPS["ws"], "get"]

    def test_every_unsupported_scenario_exists(self) -> None:
        for server in SERVERS:
            assert set(server.unsupported) <= set(SCENARIO)

    def test_a_browser_sends_twelve_fields(self) -> None:
        assert check.request_bytes(SCENARIO["browser"], 80).count(b"\r\n") == 1 + 12 + 1


class TestInstructions:
    def test_an_unknown_scenario_is_refused_in_one_line(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as exited:
            instructions.parse_options(["--scenarios", "get,wsgi"])
        assert exited.value.code == 2
        assert "--scenarios: 'wsgi' isn't one of get, browser" in capsys.readouterr().err

    @needs_linux
    @pytest.mark.parametrize("key", instructions.KEYS)
    def test_what_is_counted_is_a_server_that_answers(self, key: str) -> None:
        command = [sys.executable, "-m", "benchmarks.lockstep", key]
        done = subprocess.run(
            [*command, "128"], cwd=environment.ROOT, capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, "")


@needs_linux
class TestProcessTree:
    def test_cpu_time_of_children_and_ended_threads_counts(self) -> None:
        burn = "import time\nwhile time.thread_time() < 0.3: pass\n"
        thread = f"import threading; t = threading.Thread(target=exec, args=({burn!r}, {{}}))"
        child = f"{thread}; t.start(); t.join(); print('done', flush=True); input()"
        shell = subprocess.Popen(
            ["sh", "-c", '"$0" -c "$1"; :', sys.executable, child],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert shell.stdin and shell.stdout
        with shell:
            before = proctree.read_cpu(shell.pid)
            assert shell.stdout.readline() == b"done\n"
            after = proctree.read_cpu(shell.pid)
            assert proctree.proportional_memory(shell.pid) > 1000
            shell.stdin.close()
        assert len(after.pids) == 2
        assert after.total - before.total >= 250_000_000

    def test_the_split_adds_up_to_the_total(self) -> None:
        before = proctree.Reading(0, 0, 0, frozenset({1}))
        found = proctree.usage(before, proctree.Reading(4_000_000, 3, 1, frozenset({1})))
        assert found == (4000, 3000, 1000)


@needs_linux
@needs_compiler
class TestAgainstTheFloor:
    @pytest.fixture
    def programs(self, tmp_path: Path) -> Path:
        return environment.compile_program("floor", tmp_path)

    def test_a_right_answer_passes_and_a_wrong_one_does_not(
        self, programs: Path, tmp_path: Path
    ) -> None:
        asked = Launch(programs, SCENARIO["get"], launch.free_port())
        with launch.running(SERVER["floor"], asked, None, tmp_path / "log") as process:
            check.check(SCENARIO["get"], process.port)
            other = replace(SCENARIO["get"], answer=b"Hello, Mars!!")
            with pytest.raises(check.WrongAnswer, match="13 bytes beginning b'Hello, world!'"):
                check.check(other, process.port)

    def test_a_server_that_does_not_start_says_why(self, programs: Path, tmp_path: Path) -> None:
        broken = replace(SERVER["floor"], command=lambda asked: [asked.program("floor")])
        asked = Launch(programs, SCENARIO["get"], launch.free_port())
        with pytest.raises(launch.StartError, match="exited with 2: usage: floor"):
            with launch.running(broken, asked, None, tmp_path / "log"):
                pass

    @pytest.mark.slow_matrix
    @pytest.mark.skipif(shutil.which("wrk") is None, reason="needs wrk")
    @pytest.mark.parametrize("key", ["get", "close"])
    def test_one_round(self, programs: Path, tmp_path: Path, key: str) -> None:
        rig = measure.Rig({"floor": programs}, 1, 8, None, None, tmp_path)
        begun = time.monotonic()
        found = measure.measure(rig, SERVER["floor"], SCENARIO[key])
        available = (time.monotonic() - begun) * 1e6 * (os.cpu_count() or 1)
        assert found.failure == ""
        assert found.requests > 0
        assert 0 < found.total * found.requests < available
        assert found.user + found.system == pytest.approx(found.total)
        assert 0 < found.p50 <= found.p99
        assert found.pss > 0

    @pytest.mark.slow_matrix
    @pytest.mark.parametrize("key", ["ws-32-1", "ws-64k-100", "ws-fanout"])
    def test_one_round_of_messages(self, programs: Path, tmp_path: Path, key: str) -> None:
        for name in ("wsfloor", "wsload"):
            environment.compile_program(name, tmp_path)
        folders = {"floor": programs, "wsload": tmp_path}
        rig = measure.Rig(folders, 1, 8, None, None, tmp_path)
        found = measure.measure(rig, SERVER["floor"], SCENARIO[key])
        assert found.failure == ""
        assert found.requests > 0
        assert 0 < found.p50 <= found.p99


class Twisted(NamedTuple):
    """A WebSocket server that answers each message with what `answer` makes of its payload."""

    port: int
    deflate: bool
    answer: Callable[[bytes], bytes]

    @classmethod
    @contextmanager
    def serving(cls, answer: Callable[[bytes], bytes], deflate: bool) -> Iterator["Twisted"]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            made = cls(listener.getsockname()[1], deflate, answer)
            threading.Thread(target=made.run, args=(listener,), daemon=True).start()
            yield made

    def run(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client = listener.accept()[0]
                threading.Thread(target=self.talk, args=(client,), daemon=True).start()

    def talk(self, client: socket.socket) -> None:
        with client, client.makefile("rb") as stream, suppress(OSError, struct.error):
            while stream.readline() != b"\r\n":
                pass
            extension = b"Sec-WebSocket-Extensions: permessage-deflate\r\n" if self.deflate else b""
            accept = b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
            client.sendall(b"HTTP/1.1 101 X\r\n" + accept + extension + b"\r\n")
            while True:
                client.sendall(self.answer(self.payload(stream)))

    def payload(self, stream: BinaryIO) -> bytes:
        first, length = struct.unpack("!BB", stream.read(2))
        assert first in (0x81 | self.deflate << 6, 0x8A)
        assert length & 0x80
        length &= 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", stream.read(2))
        mask = stream.read(4)
        masked = stream.read(length)
        return bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked))


def frame(first: int, payload: bytes) -> bytes:
    short = len(payload) < 126
    head = struct.pack("!BB", first, len(payload)) if short else b""
    return (head or struct.pack("!BBH", first, 126, len(payload))) + payload


@pytest.fixture(scope="module")
def program_in_c(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wsload")
    return environment.compile_program("wsload", folder) / "wsload"


@needs_linux
@needs_compiler
class TestWebSocketLoad:
    """wsload.c against a server of a few lines."""

    def load(
        self, program: Path, scratch: Path, key: str, answer: Callable[[bytes], bytes], count: int
    ) -> load.Outcome:
        scenario = SCENARIO[key]
        assert scenario.talk
        with Twisted.serving(answer, scenario.talk.deflate) as server:
            command = talk.command(program, scenario, server.port, 0.2, count, scratch)
            with talk.connected(command) as client:
                return client.load()

    @pytest.mark.parametrize("key", ["ws-32-100", "ws-1k-100"])
    def test_echoes_are_counted(self, program_in_c: Path, tmp_path: Path, key: str) -> None:
        found = self.load(program_in_c, tmp_path, key, lambda text: frame(0x81, text), 3)
        assert found.requests >= 3
        assert found.microseconds >= 150_000
        assert 0 < found.p50 <= found.p99

    def test_a_fan_out_counts_each_that_receives(self, program_in_c: Path, tmp_path: Path) -> None:
        found = self.load(program_in_c, tmp_path, "ws-fanout", lambda text: frame(0x81, text), 1)
        assert found.requests >= 1

    def test_an_idle_connection_has_had_one_message(
        self, program_in_c: Path, tmp_path: Path
    ) -> None:
        found = self.load(program_in_c, tmp_path, "ws-idle", lambda text: frame(0x81, text), 5)
        assert found.requests == 5

    def test_fragments_and_pings_between_them(self, program_in_c: Path, tmp_path: Path) -> None:
        def answer(payload: bytes) -> bytes:
            if payload == b"ping":  # it came back, in a pong
                return b""
            return frame(0x01, payload[:7]) + frame(0x89, b"ping") + frame(0x80, payload[7:])

        assert self.load(program_in_c, tmp_path, "ws-1k-1", answer, 1).requests >= 1

    @pytest.mark.parametrize("first", [0xC1, 0x81])
    def test_deflate(self, program_in_c: Path, tmp_path: Path, first: int) -> None:
        text = SCENARIO["ws-1k-1-deflate"].answer

        def answer(payload: bytes) -> bytes:
            assert zlib.decompressobj(-12).decompress(payload + b"\0\0\xff\xff") == text
            return frame(first, payload if first & 0x40 else text)

        assert self.load(program_in_c, tmp_path, "ws-1k-1-deflate", answer, 2).requests >= 2

    @pytest.mark.parametrize(
        ("answer", "complaint"),
        [
            (lambda text: frame(0x81, text[:-1] + b"?"), "isn't what was sent"),
            (lambda text: frame(0x81, text[:-1]), "31 bytes, not 32"),
            (lambda text: frame(0x82, text), "a frame of opcode 2"),
            (lambda text: frame(0x88, b""), "a frame of opcode 8"),
            (lambda text: frame(0xC1, text), "a bad frame head"),
            (lambda text: struct.pack("!H", "end"), "closed the connection"),
        ],
    )
    def test_a_wrong_answer_is_an_error(
        self, program_in_c: Path, tmp_path: Path, answer: Callable[[bytes], bytes], complaint: str
    ) -> None:
        with pytest.raises(load.LoadError, match=complaint):
            self.load(program_in_c, tmp_path, "ws-32-1", answer, 1)

    def test_deflate_that_is_not_agreed_to(self, program_in_c: Path, tmp_path: Path) -> None:
        scenario = SCENARIO["ws-1k-1-deflate"]
        with Twisted.serving(bytes, deflate=False) as server:
            command = talk.command(program_in_c, scenario, server.port, 0.2, 1, tmp_path)
            with pytest.raises(load.LoadError, match="not agreed to"):
                with talk.connected(command):
                    pass
