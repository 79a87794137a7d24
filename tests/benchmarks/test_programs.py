"""The programs that benchmarks start: what they print is read, and one short run of each."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

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
)
from benchmarks.scenarios import GROUPS
from benchmarks.servers import SERVERS, Launch
from tests.benchmarks.rig import SCENARIO, SERVER, needs_compiler, needs_linux


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
            instructions.parse_options(["--scenarios", "get,fastapi"])
        assert exited.value.code == 2
        assert "--scenarios: 'fastapi' isn't one of get, browser" in capsys.readouterr().err

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
