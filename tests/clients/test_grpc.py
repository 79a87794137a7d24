"""gRPC: grpcio's client and an ASGI app that speaks it with nothing but ASGI."""

import pytest

from tests.clients.http2_servers import Place, http2_server
from tests.support.wait import wait_for

grpc = pytest.importorskip("grpc")
TIME = 60.0
# The client must not look for a proxy or another thread's fork.
OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", 16 << 20)]


@pytest.fixture(scope="module", params=[False, True], ids=["cleartext", "tls"])
def place(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    with http2_server("grpc_echo:app", request.param, folder, "--no-access-log") as place:
        yield place


@pytest.fixture(scope="module")
def channel(place: Place):
    if place.certificate:
        with open(place.certificate.authority, "rb") as file:
            trust = grpc.ssl_channel_credentials(file.read())
        channel = grpc.secure_channel(place.target, trust, OPTIONS)
    else:
        channel = grpc.insecure_channel(place.target, OPTIONS)
    with channel:
        yield channel


def test_unary(channel):
    call = channel.unary_unary("/test.Echo/Unary")
    for size in (0, 1, 1000, 5_000_000):
        assert call(b"m" * size, timeout=TIME) == b"m" * size


def test_server_stream(channel):
    answers = channel.unary_stream("/test.Echo/Count")(b"1000", timeout=TIME)
    assert [int(answer) for answer in answers] == list(range(1000))


def test_client_stream(channel):
    call = channel.stream_unary("/test.Echo/Sum")
    assert call(iter([b"x" * 1000] * 500), timeout=TIME) == b"500000"


def test_both_ways_in_turn(channel):
    """Each message is only sent when the answer to the one before is there."""
    sent = [b"%d" % number for number in range(50)]
    answers = []

    def messages():
        for number, message in enumerate(sent):
            wait_for(lambda number=number: len(answers) == number, what="the answer")
            yield message

    for answer in channel.stream_stream("/test.Echo/Chat")(messages(), timeout=TIME):
        answers.append(answer)  # noqa: PERF402 - the other side looks at it
    assert answers == sent


def test_both_ways_at_once(channel):
    sent = [b"m" * 10_000] * 300
    assert list(channel.stream_stream("/test.Echo/Chat")(iter(sent), timeout=TIME)) == sent


def test_metadata_and_trailers(channel):
    call = channel.unary_unary("/test.Echo/Fields")
    answer, about = call.with_call(b"", metadata=[("x-one", "1"), ("x-bin-bin", b"\0\xff")])
    assert b"x-one=1" in answer
    assert b"x-bin-bin=" in answer
    assert dict(about.initial_metadata())["x-initial"] == "yes"
    assert dict(about.trailing_metadata())["x-trailing"] == "yes"


def test_error_before_anything_is_sent(channel):
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/test.Echo/Fail")(b"x", timeout=TIME)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == "not so"


def test_error_behind_a_message(channel):
    answers = channel.unary_stream("/test.Echo/Break")(b"x", timeout=TIME)
    assert next(answers) == b"x"
    with pytest.raises(grpc.RpcError) as caught:
        next(answers)
    assert caught.value.code() is grpc.StatusCode.ABORTED
    assert dict(caught.value.trailing_metadata())["x-trailing"] == "yes"


def test_no_such_method(channel):
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/test.Echo/Nothing")(b"x", timeout=TIME)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_deadline_and_cancellation_reach_the_app(channel):
    left = channel.unary_unary("/test.Echo/Left")
    before = int(left(b"", timeout=TIME))
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/test.Echo/Wait")(b"x", timeout=0.2)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    waiting = channel.unary_unary("/test.Echo/Wait").future(b"x")
    assert left(b"", timeout=TIME)  # the same connection: the call above has arrived
    waiting.cancel()
    wait_for(lambda: int(left(b"", timeout=TIME)) >= before + 1, what="the app to be told")


def test_100_calls_at_a_time(channel):
    call = channel.unary_unary("/test.Echo/Unary")
    futures = [call.future(b"%d" % number, timeout=TIME) for number in range(100)]
    assert [future.result() for future in futures] == [b"%d" % number for number in range(100)]
