"""curl, as people use it from a shell."""

import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.tools import need_tool

CONTENT = b"0123456789abcdef" * 6400  # 100 KiB: curl asks first, see RFC 9110 §10.1.1


class Answer(NamedTuple):
    heads: list[str]  # of interim responses too
    body: bytes


@pytest.fixture
def curl(place, tmp_path):
    program = need_tool("curl")

    def run(route: str, *args: str, stdin: bytes = b"", code: int = 0) -> Answer:
        through = ["--unix-socket", place.path] if place.path else []
        command = [program, "-sS", "--max-time", "20", "--noproxy", "*", *through]
        heads = tmp_path / "heads"
        done = subprocess.run(
            [*command, "-D", str(heads), *args, place.url + route],
            input=stdin,
            capture_output=True,
        )
        assert done.returncode == code, done.stderr.decode()
        return Answer(heads.read_bytes().decode("latin-1").split("\r\n\r\n")[:-1], done.stdout)

    return run


@pytest.fixture
def upload(tmp_path) -> Path:
    file = tmp_path / "upload"
    file.write_bytes(CONTENT)
    return file


def status(head: str) -> str:
    return head.split("\r\n")[0]


def test_get(curl):
    answer = curl("/")
    assert [status(head) for head in answer.heads] == ["HTTP/1.1 200 OK"]
    assert answer.body == b"Hello, world"


def test_upload_that_asks_before_it_sends(curl, upload):
    answer = curl("/echo", "-H", "Expect: 100-continue", "-T", str(upload))
    assert [status(head) for head in answer.heads] == ["HTTP/1.1 100 Continue", "HTTP/1.1 200 OK"]
    assert answer.body == CONTENT


def test_upload_in_chunks_from_standard_input(curl):
    answer = curl("/echo", "-T", "-", stdin=CONTENT)
    assert answer.body == CONTENT


def test_form_upload(curl, upload):
    answer = curl("/echo", "-F", f"file=@{upload}")
    assert CONTENT in answer.body


def test_upload_that_nobody_reads_gets_an_early_response(curl, upload):
    """The app answers at once; curl stops or goes on, and neither breaks it."""
    upload.write_bytes(CONTENT * 100)
    answer = curl("/", "-H", "Expect:", "--data-binary", f"@{upload}")
    assert status(answer.heads[-1]) == "HTTP/1.1 200 OK"
    assert answer.body == b"Hello, world"


def test_early_response_in_place_of_100_continue(curl, upload):
    answer = curl("/", "-H", "Expect: 100-continue", "--data-binary", f"@{upload}")
    assert [status(head) for head in answer.heads] == ["HTTP/1.1 200 OK"]
    assert "connection: close" in answer.heads[0].lower()
    assert answer.body == b"Hello, world"


def test_http_1_0(curl):
    answer = curl("/stream", "--http1.0")
    head = answer.heads[0].lower()
    assert "transfer-encoding" not in head
    assert "connection: close" in head
    assert answer.body == b"".join(b"chunk %d\n" % number for number in range(10))


def test_http_1_0_upload(curl, upload):
    answer = curl("/echo", "--http1.0", "-T", str(upload))
    assert [status(head) for head in answer.heads] == ["HTTP/1.1 200 OK"]
    assert answer.body == CONTENT


@pytest.mark.parametrize("route", ["/", "/stream"])
def test_head(curl, route):
    answer = curl(route, "-I")
    assert status(answer.heads[0]) == "HTTP/1.1 200 OK"
    assert len(answer.heads) == 1


def test_head_says_how_long_the_content_would_be(curl):
    assert "content-length: 12" in curl("/", "-I").heads[0].lower()


def test_a_range_is_the_apps_business(curl):
    """A server may ignore Range (RFC 9110 §14.2); the plain app doesn't know it."""
    answer = curl("/", "-r", "0-4")
    assert status(answer.heads[0]) == "HTTP/1.1 200 OK"
    assert answer.body == b"Hello, world"


def test_offer_of_http_2_is_ignored(curl):
    answer = curl("/", "--http2")
    assert [status(head) for head in answer.heads] == ["HTTP/1.1 200 OK"]
    assert answer.body == b"Hello, world"


def test_offer_of_http_2_with_content(curl, upload):
    answer = curl("/echo", "--http2", "-H", "Expect:", "--data-binary", f"@{upload}")
    assert [status(head) for head in answer.heads] == ["HTTP/1.1 200 OK"]
    assert answer.body == CONTENT


def test_two_transfers_share_a_connection(curl, place):
    answer = curl("/", place.url + "/", "-w", " %{num_connects} ")
    assert answer.body == b"Hello, world 1 Hello, world 0 "


def test_connection_closed_on_request(curl):
    answer = curl("/", "-H", "Connection: close")
    assert "connection: close" in answer.heads[0].lower()


def test_answer_that_curl_gives_up(curl):
    """The response never ends; 28 is curl's code for its own time limit."""
    answer = curl("/drip?key=curl", "--max-time", "0.3", code=28)
    assert answer.body.startswith(b"xxx")
    assert curl("/").body == b"Hello, world"
