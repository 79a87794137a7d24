"""The load generator for HTTP/2, h2load, and the check before it."""

import re
import subprocess
from pathlib import Path

from benchmarks.check import WARM_UP_REQUESTS, WrongAnswer
from benchmarks.load import LoadError, Outcome
from benchmarks.scenarios import Scenario
from benchmarks.servers import HOST

TOOLS = ("h2load", "curl")
PATIENCE_SECONDS = 30
REQUESTS = re.compile(
    r"requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, "
    r"(\d+) errored, (\d+) timeout"
)
SUCCESSES = re.compile(r"status codes: (\d+) 2xx")
RATE = re.compile(r"([\d.]+) req/s")
CONTENT = re.compile(r"\((\d+)\) data")


def url(scenario: Scenario, port: int) -> str:
    """What is asked for."""
    return f"{'https' if scenario.tls else 'http'}://{HOST}:{port}/"


def check(scenario: Scenario, port: int, scratch: Path) -> None:
    """Compare a whole answer, as curl reads it, and run each code path some more. Raises
    WrongAnswer."""
    how = ["--http2", "-k"] if scenario.tls else ["--http2-prior-knowledge"]
    command = ["curl", "-sS", "--noproxy", "*", "-w", " %{http_version} %{http_code}", *how]
    fields = [part for name, value in scenario.fields for part in ("-H", f"{name}: {value}")]
    upload = ["--data-binary", f"@{_content(scenario, scratch)}"] if scenario.content_size else []
    try:
        done = subprocess.run(
            [*command, *fields, *upload, url(scenario, port)],
            capture_output=True,
            timeout=PATIENCE_SECONDS,
        )
        if done.returncode:
            raise WrongAnswer(f"curl: {done.stderr.decode(errors='replace').strip()[-200:]}")
        if done.stdout != scenario.answer + b" 2 200":
            raise WrongAnswer(f"{len(done.stdout)} bytes that end with {done.stdout[-40:]!r}")
        count = 40 if len(scenario.answer) + scenario.content_size > 100_000 else WARM_UP_REQUESTS
        run(scenario, port, ["-n", str(count), "-c", "1", "-m", "4"], scratch)
    except (subprocess.TimeoutExpired, LoadError) as error:
        raise WrongAnswer(str(error)) from error


def load(scenario: Scenario, port: int, seconds: int, scratch: Path, prefix: list[str]) -> Outcome:
    """Load for so many seconds. Raises LoadError."""
    assert scenario.http2 is not None and scenario.connections is not None
    streams = str(scenario.http2.streams)
    how = ["-D", str(seconds), "-c", str(scenario.connections), "-m", streams]
    return run(scenario, port, how, scratch, prefix)


def run(
    scenario: Scenario, port: int, how: list[str], scratch: Path, prefix: list[str] | None = None
) -> Outcome:
    """Run h2load, with a log of each request. Raises LoadError."""
    log = scratch / "h2load.log"
    log.unlink(missing_ok=True)
    fields = [part for name, value in scenario.fields for part in ("-H", f"{name}: {value}")]
    upload = ["-d", str(_content(scenario, scratch))] if scenario.content_size else []
    tool = [*(prefix or []), "h2load", "-t", "1", f"--log-file={log}"]
    try:
        done = subprocess.run(
            [*tool, *how, *fields, *upload, url(scenario, port)],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise LoadError("h2load didn't come back") from None
    if done.returncode:
        raise LoadError(f"h2load exited with {done.returncode}: {done.stderr.strip()[-200:]}")
    times = [int(line.split("\t")[2]) for line in log.read_text().splitlines()]
    return parse(done.stdout, len(scenario.answer), times)


def parse(output: str, answer_size: int, times: list[int]) -> Outcome:
    """The outcome in what h2load printed. Raises LoadError when any request went wrong.

    `times` is what each request took, in microseconds.
    """
    patterns = (REQUESTS, SUCCESSES, CONTENT, RATE)
    counts, good, content, rate = (pattern.search(output) for pattern in patterns)
    if not (counts and good and content and rate):
        raise LoadError(f"h2load printed no outcome: {output.strip()[-200:]!r}")
    done, succeeded, failed, errored, late = (int(one) for one in counts.groups())
    if failed or errored or late or done != succeeded or int(good[1]) < succeeded:
        raise LoadError(f"{failed} failed, {errored} errored, {late} late, {good[1]} of {done} 2xx")
    if not succeeded or not times:
        raise LoadError("no request was answered")
    # h2load doesn't look at the content, so a short answer shows in the sum only.
    if int(content[1]) < succeeded * answer_size:
        raise LoadError("answers were shorter under load than in the check")
    ranked = sorted(times)
    p50, p99 = (ranked[int((len(ranked) - 1) * share)] for share in (0.5, 0.99))
    microseconds = int(succeeded / float(rate[1]) * 1e6)
    return Outcome(succeeded, microseconds, int(content[1]), p50, p99)


def _content(scenario: Scenario, scratch: Path) -> Path:
    path = scratch / f"content-{scenario.content_size}"
    if not path.exists():
        path.write_bytes(scenario.content)
    return path
