"""curl, nghttp and h2load, in cleartext and over TLS."""

import re
import subprocess

import pytest

from tests.clients.http2_servers import Place, http2_server
from tests.support.tools import need_tool

CONTENT = b"0123456789abcdef" * 64_000  # 1 MB, more than any window
TIME = 60.0


@pytest.fixture(scope="module", params=[False, True], ids=["cleartext", "tls"])
def place(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    with http2_server("asked:app", request.param, folder, "--no-access-log") as place:
        yield place


def run(*command: str, stdin: bytes = b"") -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=TIME)
    assert done.returncode == 0, (done.stdout[-1000:], done.stderr[-1000:])
    return done.stdout.decode("latin-1")


class TestCurl:
    @pytest.fixture
    def curl(self, place: Place):
        program = need_tool("curl")
        trust = ["--cacert", place.certificate.authority] if place.certificate else []
        how = ["--http2", *trust] if place.certificate else ["--http2-prior-knowledge"]

        def curl(route: str, *args: str, stdin: bytes = b"") -> str:
            shown = ["-sS", "--noproxy", "*", "-w", "\n%{http_version} %{http_code}"]
            return run(program, *shown, *how, *args, place.url + route, stdin=stdin)

        return curl

    def test_get(self, curl):
        assert curl("/") == "Hello, world\n2 200"

    def test_head(self, curl):
        answer = curl("/", "-I")
        assert answer.startswith("HTTP/2 200")
        assert "content-length: 12" in answer
        assert answer.endswith("2 200")

    def test_upload(self, curl):
        answer = curl("/echo", "--data-binary", "@-", stdin=CONTENT)
        assert answer == CONTENT.decode() + "\n2 200"

    def test_upload_that_asks_first(self, curl):
        answer = curl("/echo", "-H", "Expect: 100-continue", "-T", "-", stdin=CONTENT)
        assert answer == CONTENT.decode() + "\n2 200"

    def test_stream(self, curl):
        assert len(curl("/pieces?100")) == 100 * 16384 + len("\n2 200")

    def test_http_1_on_the_same_port(self, curl):
        assert curl("/", "--http1.1") == "Hello, world\n1.1 200"

    def test_transfers_share_a_connection(self, curl, place: Place):
        if place.certificate is None:
            return  # curl 7.88 can't use one again that it began with prior knowledge
        url = place.url + "/bytes?2"
        answer = curl("/bytes?2", *[url] * 20, "-w", " %{num_connects} %{http_code} ")
        assert answer.split() == ["bb", "1", "200", *["bb", "0", "200"] * 20]


def test_offer_by_upgrade_is_passed_over(place: Place):
    """RFC 9113 §3.1: h2c by Upgrade is gone; the answer is HTTP/1.1."""
    if place.certificate:
        return  # curl offers it in cleartext alone
    found = run(need_tool("curl"), "-sS", "--http2", "-w", " %{http_version}", place.url + "/")
    assert found == "Hello, world 1.1"


class TestNghttp:
    @pytest.fixture
    def nghttp(self, place: Place):
        program = need_tool("nghttp")

        def nghttp(*args: str) -> str:
            return run(program, "--no-verify-peer", *args)

        return nghttp

    def test_get(self, nghttp, place):
        assert nghttp(place.url + "/") == "Hello, world"

    def test_statistics_of_many(self, nghttp, place):
        answer = nghttp("-nsm", "50", place.url + "/bytes?100000")
        assert len(re.findall(r" 200 +97K /bytes", answer)) == 50

    def test_small_windows_and_tables(self, nghttp, place):
        answer = nghttp(
            "-w", "10", "-W", "12", "-c", "0", "--padding", "50", place.url + "/pieces?10"
        )
        assert answer == "p" * 163840

    def test_upload_with_trailers(self, nghttp, place, tmp_path):
        file = tmp_path / "upload"
        file.write_bytes(CONTENT)
        answer = nghttp("-d", str(file), "--trailer", "x-digest: abc", place.url + "/echo")
        assert answer == CONTENT.decode()

    def test_continuation(self, nghttp, place):
        answer = nghttp("--continuation", place.url + "/")
        assert answer == "Hello, world"

    def test_trailers_and_early_hints(self, nghttp, place):
        assert "x-count: 0" in nghttp("-nv", "-H", "te: trailers", place.url + "/trailers")
        answer = nghttp("-nv", place.url + "/early")
        assert ":status: 103" in answer
        assert ":status: 200" in answer


class TestH2load:
    """It counts each answer: all must come, and be a success."""

    @pytest.mark.parametrize(
        ("clients", "streams", "count", "route"),
        [
            (8, 16, 8000, "/"),
            (1, 100, 4000, "/"),
            (4, 10, 400, "/bytes?100000"),
            (50, 2, 1000, "/"),
        ],
    )
    def test_all_succeed(self, place: Place, clients, streams, count, route):
        how = ["-n", str(count), "-c", str(clients), "-m", str(streams)]
        answer = run(need_tool("h2load"), *how, place.url + route)
        done = f"{count} total, {count} started, {count} done, {count} succeeded, 0 failed"
        assert done in answer, answer
        assert f"{count} 2xx, 0 3xx, 0 4xx, 0 5xx" in answer

    def test_uploads(self, place: Place, tmp_path):
        file = tmp_path / "upload"
        file.write_bytes(CONTENT)
        how = ["-n", "40", "-c", "4", "-m", "5", "-d", str(file)]
        answer = run(need_tool("h2load"), *how, place.url + "/echo")
        assert "40 succeeded, 0 failed" in answer, answer
        assert f"({40 * len(CONTENT)}) data" in answer
