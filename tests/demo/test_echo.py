import asyncio

import pytest

from tests.demo.caller import Call, call, http_scope, request
from tricorn.demo import Demo


@pytest.mark.parametrize("pieces", [[], [b"one"], [b"one", b"", b"two", b""], [b"\xff\x00"]])
def test_content_comes_back(pieces: list[bytes]) -> None:
    response = call(Demo(), http_scope("POST", "/echo"), *pieces)
    assert response.status == 200
    assert response.content == b"".join(pieces)
    assert response.complete


def test_it_is_text_whatever_was_sent() -> None:
    fields = [(b"content-type", b"text/html")]
    response = call(Demo(), http_scope("POST", "/echo", fields), b"<script>alert(1)</script>")
    assert response.fields["content-type"] == "text/plain; charset=utf-8"
    assert response.fields["x-content-type-options"] == "nosniff"


def test_a_piece_comes_back_before_the_next_is_there() -> None:
    async def run() -> None:
        running = Call(Demo(), http_scope("POST", "/echo"))
        first, second = request(b"first", b"second")
        running.put(first)
        assert (await running.sent_at_least(2))[1]["body"] == b"first"
        assert not running.task.done()
        running.put(second)
        assert (await running.end()).content == b"firstsecond"

    asyncio.run(run())
