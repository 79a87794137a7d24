"""Python's clients: http.client, urllib3, requests, httpx and aiohttp."""

import asyncio
import http.client
import socket
import threading

import aiohttp
import httpx
import pytest
import requests
import urllib3

STREAMED = b"".join(b"chunk %d\n" % number for number in range(10))
CONTENT = bytes(range(256)) * 1000


def pieces():
    for start in range(0, len(CONTENT), 10_000):
        yield CONTENT[start : start + 10_000]


async def async_pieces():
    for piece in pieces():
        await asyncio.sleep(0)
        yield piece


class TestHttpClient:
    @pytest.fixture
    def connection(self, place):
        class Connection(http.client.HTTPConnection):
            def connect(self):
                if place.path is None:
                    super().connect()
                    return
                self.sock = socket.socket(socket.AF_UNIX)
                self.sock.settimeout(self.timeout)
                self.sock.connect(place.path)

        host, port = place.address if place.path is None else ("localhost", 80)
        connection = Connection(host, port, timeout=60)
        yield connection
        connection.close()

    def test_keep_alive(self, connection):
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"Hello, world"
        first = connection.sock
        connection.request("GET", "/stream")
        assert connection.getresponse().read() == STREAMED
        assert connection.sock is first

    def test_upload_in_chunks(self, connection):
        connection.request("POST", "/echo", body=pieces(), encode_chunked=True)
        assert connection.getresponse().read() == CONTENT

    def test_head_and_then_get(self, connection):
        connection.request("HEAD", "/")
        answer = connection.getresponse()
        assert (answer.read(), answer.headers["content-length"]) == (b"", "12")
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"Hello, world"

    def test_head_and_content_in_separate_segments(self, connection):
        connection.putrequest("PUT", "/echo")
        connection.putheader("Content-Length", "6")
        connection.endheaders()
        for piece in (b"abc", b"def"):
            connection.send(piece)
        assert connection.getresponse().read() == b"abcdef"

    def test_http_1_0(self, connection):
        connection._http_vsn, connection._http_vsn_str = 10, "HTTP/1.0"
        connection.request("GET", "/stream")
        answer = connection.getresponse()
        assert answer.headers["transfer-encoding"] is None
        assert answer.read() == STREAMED


class TestUrllib3:
    @pytest.fixture
    def pool(self, tcp):
        with urllib3.PoolManager(retries=False, timeout=60) as manager:
            yield lambda method, route, **more: manager.request(method, tcp.url + route, **more)

    def test_get(self, pool):
        assert pool("GET", "/").data == b"Hello, world"

    def test_upload_in_chunks(self, pool):
        assert pool("POST", "/echo", body=pieces(), chunked=True).data == CONTENT

    def test_stream(self, pool):
        answer = pool("GET", "/stream", preload_content=False)
        assert b"".join(answer.stream(7)) == STREAMED
        answer.release_conn()


class TestRequests:
    @pytest.fixture
    def session(self):
        with requests.Session() as session:
            session.trust_env = False
            yield session

    def test_get(self, session, tcp):
        assert session.get(tcp.url + "/", timeout=60).text == "Hello, world"

    def test_form_and_file(self, session, tcp):
        files = {"file": ("name.bin", CONTENT)}
        answer = session.post(tcp.url + "/echo", data={"a": "b"}, files=files, timeout=60)
        assert CONTENT in answer.content

    def test_upload_in_chunks(self, session, tcp):
        assert session.post(tcp.url + "/echo", data=pieces(), timeout=60).content == CONTENT

    def test_stream(self, session, tcp):
        with session.get(tcp.url + "/stream", stream=True, timeout=60) as answer:
            assert b"".join(answer.iter_content(7)) == STREAMED


class TestHttpx:
    @pytest.fixture
    def client(self, place):
        transport = httpx.HTTPTransport(uds=place.path)
        with httpx.Client(transport=transport, base_url=place.url, timeout=60) as client:
            yield client

    def test_get(self, client):
        answer = client.get("/")
        assert (answer.text, answer.http_version) == ("Hello, world", "HTTP/1.1")

    def test_upload_in_chunks(self, client):
        assert client.post("/echo", content=pieces()).content == CONTENT

    def test_stream(self, client):
        with client.stream("GET", "/stream") as answer:
            assert b"".join(answer.iter_raw()) == STREAMED

    def test_stream_that_the_client_leaves(self, client):
        with client.stream("GET", "/drip?key=httpx") as answer:
            assert next(answer.iter_raw())
        assert client.get("/").text == "Hello, world"

    def test_twenty_threads_on_one_client(self, client):
        found = []

        def get() -> None:
            found.append(client.get("/slow?seconds=0.05").text)

        threads = [threading.Thread(target=get) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert found == ["at last"] * 20


class TestAsyncHttpx:
    @pytest.fixture
    def run(self, place):
        def run(work):
            async def body():
                transport = httpx.AsyncHTTPTransport(uds=place.path)
                async with httpx.AsyncClient(
                    transport=transport, base_url=place.url, timeout=60
                ) as client:
                    return await work(client)

            return asyncio.run(body())

        return run

    def test_fifty_at_once(self, run):
        async def work(client):
            return await asyncio.gather(*(client.get(f"/echo?{n}") for n in range(50)))

        assert {answer.status_code for answer in run(work)} == {200}

    def test_upload_in_chunks(self, run):
        async def work(client):
            return await client.post("/echo", content=async_pieces())

        assert run(work).content == CONTENT

    def test_stream(self, run):
        async def work(client):
            async with client.stream("GET", "/stream") as answer:
                return b"".join([piece async for piece in answer.aiter_raw()])

        assert run(work) == STREAMED


class TestAiohttp:
    @pytest.fixture
    def run(self, place):
        def run(work):
            async def body():
                known = place.path is not None
                connector = aiohttp.UnixConnector(place.path) if known else aiohttp.TCPConnector()
                limit = aiohttp.ClientTimeout(total=60)
                async with aiohttp.ClientSession(
                    place.url, connector=connector, timeout=limit
                ) as session:
                    return await work(session)

            return asyncio.run(body())

        return run

    def test_fifty_at_once(self, run):
        async def get(session, number):
            async with session.post("/echo", data=b"%d" % number) as answer:
                return await answer.read()

        async def work(session):
            return await asyncio.gather(*(get(session, number) for number in range(50)))

        assert run(work) == [b"%d" % number for number in range(50)]

    def test_upload_in_chunks_that_asks_first(self, run):
        async def work(session):
            async with session.post("/echo", data=async_pieces(), expect100=True) as answer:
                return await answer.read()

        assert run(work) == CONTENT

    def test_stream(self, run):
        async def work(session):
            async with session.get("/stream") as answer:
                return b"".join([piece async for piece in answer.content.iter_any()])

        assert run(work) == STREAMED

    def test_request_that_is_cancelled(self, run, place):
        key = f"aiohttp-{place.kind}"

        async def work(session):
            with pytest.raises(TimeoutError):
                await session.get(f"/hold?key={key}", timeout=aiohttp.ClientTimeout(total=0.2))
            async with session.get(f"/release?key={key}") as answer:
                assert answer.status == 200
            async with session.get("/") as answer:
                return await answer.text()

        assert run(work) == "Hello, world"
