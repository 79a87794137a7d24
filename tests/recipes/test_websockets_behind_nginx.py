"""nginx in front, as deployments have it: it opens WebSockets in HTTP/1.0 unless told otherwise."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import APPS, serve
from tests.support.tools import need_tool
from tests.support.wait import wait_for

websockets = pytest.importorskip("websockets")
from websockets.sync.client import unix_connect  # noqa: E402

CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen unix:{folder}/front;
        location / {{
            proxy_pass http://unix:{folder}/back:;
            {version}
            proxy_set_header Host $host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_set_header X-Forwarded-For 192.0.2.7;
            proxy_set_header X-Forwarded-Proto https;
        }}
    }}
}}
"""


@pytest.fixture(scope="module", params=["1.0", "1.1"])
def front(request: pytest.FixtureRequest) -> Iterator[str]:
    """The path of nginx's socket; the server behind it listens on a socket, too."""
    program = need_tool("nginx")
    with tempfile.TemporaryDirectory(prefix="tricorn-") as folder:
        version = f"proxy_http_version {request.param};"
        configuration = Path(folder, "nginx.conf")
        configuration.write_text(CONFIGURATION.format(folder=folder, version=version))
        back = ("--uds", f"{folder}/back", "--forwarded-allow-ips", "*")
        with serve("sockets:app", *back, app_dir=APPS):
            command = [program, "-c", str(configuration), "-p", folder, "-e", "stderr"]
            nginx = subprocess.Popen(command)
            try:
                wait_for(Path(folder, "front").exists, what="nginx to listen")
                yield f"{folder}/front"
            finally:
                nginx.terminate()
                nginx.wait(10)


def open_socket(front: str, target: str, **more):
    return unix_connect(front, f"ws://proxied.test{target}", max_size=None, **more)


# One worker for both: nginx and the server are started once a version.
@pytest.mark.xdist_group("nginx")
class TestBehindNginx:
    @pytest.mark.parametrize("compression", ["deflate", None])
    def test_echo(self, front, compression):
        with open_socket(front, "/", compression=compression) as socket:
            agreed = socket.response.headers.get("Sec-WebSocket-Extensions")
            assert bool(agreed) == bool(compression)
            for message in ("hello", b"\0", "x" * 200_000, bytes(range(256)) * 10_000):
                socket.send(message)
                assert socket.recv(30) == message

    def test_scope(self, front):
        with open_socket(front, "/scope?a=b", subprotocols=["v2"]) as socket:
            seen = json.loads(socket.recv(30))
        assert seen["subprotocols"] == ["v2"]
        assert (seen["scheme"], seen["query"]) == ("wss", "a=b")
        assert ["host", "proxied.test"] in seen["fields"]

    def test_server_closes(self, front):
        with open_socket(front, "/close?4001,as-you-wish") as socket:
            socket.send("close")
            with pytest.raises(websockets.ConnectionClosed):
                socket.recv(30)
            assert (socket.close_code, socket.close_reason) == (4001, "as-you-wish")

    @pytest.mark.parametrize(("path", "status"), [("/refuse", 403), ("/deny", 418)])
    def test_refusal(self, front, path, status):
        with pytest.raises(websockets.InvalidStatus) as refused:
            open_socket(front, path).__enter__()
        response = refused.value.response
        assert response.status_code == status
        if path == "/deny":
            assert response.body == b"no room"
