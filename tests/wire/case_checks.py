"""How a case is fed: whole, byte by byte, and with another request behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.wire.case_files import Case, by_topic, for_each, load
from tests.wire.reading import Reading, ReadRequest, bytewise, read

CASES = load()
TOPICS = by_topic(CASES)
BEHIND = b"GET /behind HTTP/1.1\r\nHost: b\r\n\r\n"  # within the smallest limits of the cases

# The topics of each module; what is of several is with `h1`, which is the order of the others.
TOPICS_OF = {
    "h1": ("connection", "limits", "pipelining", "smuggling", "upgrade"),
    "h1_head": (
        *("empty_lines", "expect", "field_lines", "host", "request_line", "targets"),
        *("te_and_forwarded", "versions"),
    ),
    "h1_content": ("chunked", "content_length", "trailers", "transfer_encoding"),
}


def all_fed_whole(topic: str) -> None:
    for_each(TOPICS[topic], fed_whole)


def all_fed_byte_by_byte(topic: str) -> None:
    for_each(TOPICS[topic], fed_byte_by_byte)


def the_request_behind_is_untouched(topic: str) -> None:
    whole = [case for case in TOPICS[topic] if not case.refused and not case.incomplete]
    for_each(whole, with_a_request_behind)


def nothing_behind_a_refusal_is_read(topic: str) -> None:
    for_each([case for case in TOPICS[topic] if case.refused], refused_and_then_fed)


CHECKS: tuple[Callable[[str], None], ...] = (
    all_fed_whole,
    all_fed_byte_by_byte,
    the_request_behind_is_untouched,
    nothing_behind_a_refusal_is_read,
)


def fed_whole(case: Case) -> None:
    expect(case, read([case.bytes], case.limits, case.body_limit))


def fed_byte_by_byte(case: Case) -> None:
    whole = read([case.bytes], case.limits, case.body_limit)
    assert read(bytewise(case.bytes), case.limits, case.body_limit) == whole


def with_a_request_behind(case: Case) -> None:
    alone = read([case.bytes], case.limits, case.body_limit)
    followed = read([case.bytes + BEHIND], case.limits, case.body_limit)
    if alone.closed:
        assert followed.requests == alone.requests
        assert followed.left == len(BEHIND), "nothing behind a close is read"
    else:
        assert followed.requests[:-1] == alone.requests
        assert followed.requests[-1].head["target"] == b"/behind"
        assert followed.complete


def refused_and_then_fed(case: Case) -> None:
    followed = read([case.bytes, BEHIND, BEHIND], case.limits, case.body_limit)
    expect(case, followed)


def expect(case: Case, reading: Reading) -> None:
    """What was read is what the case says, no more and no less."""
    seen = [summary(request) for request in reading.requests]
    assert seen == [said_of(request, like) for request, like in zip_expected(case, seen)], case
    if case.refused is not None:
        assert reading.refusal is not None, f"not refused; read {seen}"
        status, reason = reading.refusal
        assert (status, case.refused[1].lower() in reason.lower()) == (case.refused[0], True), (
            f"refused with {status} {reason!r}"
        )
        return
    assert reading.refusal is None
    assert reading.complete is not case.incomplete


def zip_expected(
    case: Case, seen: list[dict[str, Any]]
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each expected request beside the one that was seen, if there was one."""
    padded = seen + [{}] * (len(case.requests) - len(seen))
    return list(zip(case.requests, padded, strict=False))


def summary(request: ReadRequest) -> dict[str, Any]:
    """A request as the case files write it."""
    return {**request.head, "body": request.body, "unfinished": not request.finished}


def said_of(expected: dict[str, Any], seen: dict[str, Any]) -> dict[str, Any]:
    """The expectation; a case that does not speak of the fields takes any."""
    return {"fields": seen.get("fields", []), **expected}
