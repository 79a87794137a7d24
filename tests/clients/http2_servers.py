"""An HTTP/2 server in cleartext and one over TLS, for real clients."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.certificates import Certificate, make_certificate
from tests.support.server import Server, serve


class Place(NamedTuple):
    """A server as clients want it. Without a certificate it takes prior knowledge."""

    server: Server
    certificate: Certificate | None

    @property
    def url(self) -> str:
        return f"{'https' if self.certificate else 'http'}://localhost:{self.server.port}"

    @property
    def target(self) -> str:
        return f"localhost:{self.server.port}"


@contextmanager
def http2_server(app: str, secure: bool, folder: Path, *options: str) -> Iterator[Place]:
    certificate = make_certificate(folder) if secure else None
    how = certificate.options if certificate else ("--http2", "all")
    with serve(app, *how, *options) as server:
        yield Place(server, certificate)
