"""A conformance case: what is sent behind the preface, and what must come of it.

An error of a stream leaves the connection as it was, so each outcome but a connection error also
asks whether it still answers. Where the RFC leaves a choice, the outcome has all of it.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from tests.support.h2_frames import Code, Kind
from tests.support.http2 import Http2Client

Step = bytes | Callable[[Http2Client], None]
Outcome = Callable[[Http2Client], None]


class Case(NamedTuple):
    section: str  # of RFC 9113, where the file says no other
    title: str
    sent: bytes | tuple[Step, ...]
    then: Outcome
    settings: Mapping[int, int] = {}

    def __str__(self) -> str:
        return f"{self.section} {self.title}"


def hold(case: Case, client: Http2Client) -> None:
    """Raises where the server does anything else than the case says."""
    client.start(case.settings)
    for step in (case.sent,) if isinstance(case.sent, bytes) else case.sent:
        if isinstance(step, bytes):
            client.send(step)
        else:
            step(client)
    case.then(client)


def connection_error(*codes: Code) -> Outcome:
    """GOAWAY with one of the codes, and the end of the connection (§5.4.1)."""

    def check(client: Http2Client) -> None:
        client.read_to_the_end()
        assert client.gone is not None, f"ended without GOAWAY: {client.frames}"
        assert client.gone.code in codes, client.gone

    return check


def stream_error(stream: int, *codes: Code) -> Outcome:
    """RST_STREAM with one of the codes (§5.4.2); the connection lives on."""

    def check(client: Http2Client) -> None:
        assert client.reset_code(stream) in codes, client.frames
        no_success(client, stream)
        still_alive(client)

    return check


def either_error(stream: int, *codes: Code) -> Outcome:
    """A stream error, or as it may be treated, a connection error (§5.4.1) with such a code."""

    def check(client: Http2Client) -> None:
        seen = client.stream(stream)
        client.until(lambda: seen.reset is not None or client.gone is not None, "an error")
        found = seen.reset if client.gone is None else client.gone.code
        assert found in codes, client.frames
        if client.gone is not None:
            client.read_to_the_end()
        else:
            still_alive(client)

    return check


def malformed(stream: int = 1) -> Outcome:
    """RST_STREAM with PROTOCOL_ERROR, which a 400 may precede (§8.1.1)."""

    def check(client: Http2Client) -> None:
        seen = client.stream(stream)
        client.until(lambda: seen.reset is not None or seen.ended, "an error")
        if seen.ended:
            assert seen.response().status == 400, client.frames
        if seen.reset is not None:
            assert seen.reset in (Code.PROTOCOL_ERROR, Code.NO_ERROR), client.frames
            assert seen.ended or seen.reset == Code.PROTOCOL_ERROR, client.frames
        no_success(client, stream)
        still_alive(client)

    return check


def answered(stream: int = 1, status: int = 200, body: bytes | None = None) -> Outcome:
    """A whole response, and a connection that goes on."""

    def check(client: Http2Client) -> None:
        response = client.response(stream)
        assert response.status == status, response
        assert body is None or response.body == body, response
        still_alive(client)

    return check


def nothing(client: Http2Client) -> None:
    """The connection goes on as if nothing had been sent."""
    still_alive(client)
    assert not any(frame.kind == Kind.RST_STREAM for frame in client.frames), client.frames


def no_more(stream: int) -> Outcome:
    """What comes on a closed stream may be an error of the stream or the connection, or be
    passed over (§5.1 "closed"); it is never answered."""

    def check(client: Http2Client) -> None:
        seen = client.stream(stream)
        before = len(seen.sections)
        codes = (Code.STREAM_CLOSED, Code.PROTOCOL_ERROR)
        if not client.alive():
            assert client.gone is not None and client.gone.code in codes, client.frames
        elif seen.reset is not None:
            assert seen.reset in codes, client.frames
        assert len(seen.sections) == before, client.frames

    return check


def response_on(stream: int) -> Callable[[Http2Client], None]:
    """A step: the response comes whole before anything else is sent."""

    def step(client: Http2Client) -> None:
        client.response(stream)

    return step


def alive(client: Http2Client) -> None:
    """A step: what was sent before has been read before anything else is sent."""
    assert client.alive(), client.frames


def still_alive(client: Http2Client) -> None:
    assert client.alive(), f"the connection ended: {client.frames}"
    assert client.gone is None, client.gone


def no_success(client: Http2Client, stream: int) -> None:
    """No answer by the app was sent."""
    for section in client.stream(stream).sections:
        assert (b":status", b"200") not in section, section
