"""Certificates for tests, of an authority of their own."""

import ssl
from pathlib import Path
from typing import Any, NamedTuple

import trustme

from tricorn.net import tls


class Certificate(NamedTuple):
    """For localhost, 127.0.0.1 and ::1, as files."""

    certfile: str
    keyfile: str
    authority: str  # what a client must trust

    @property
    def options(self) -> tuple[str, ...]:
        """The server's options."""
        return ("--ssl-certfile", self.certfile, "--ssl-keyfile", self.keyfile)

    def client_context(self, *protocols: str) -> ssl.SSLContext:
        """A client's context that trusts it, and offers the protocols (ALPN)."""
        context = ssl.create_default_context(cafile=self.authority)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context


class Files:
    """Certificates of an authority of the test's own, as files."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = trustme.CA()
        self.authority_file = str(directory / "authority.pem")
        self.authority.cert_pem.write_to_path(self.authority_file)

    def replace(self, path: str, content: bytes) -> None:
        """By another file: the same one may be of the same size and, to the clock, as old."""
        new = Path(f"{path}.new")
        new.write_bytes(content)
        new.replace(path)

    def make(self, stem: str, *names: str, **options: Any) -> tls.Certificate:
        """A certificate for `names` and its key."""
        made = self.authority.issue_cert(*names, **options)
        certfile, keyfile = (str(self.directory / f"{stem}.{kind}") for kind in ("pem", "key"))
        self.replace(certfile, b"".join(blob.bytes() for blob in made.cert_chain_pems))
        self.replace(keyfile, made.private_key_pem.bytes())
        return tls.Certificate(certfile, keyfile)


def make_certificate(folder: Path) -> Certificate:
    """Makes one, with its files in the folder."""
    files = Files(folder)
    made = files.make("server", "localhost", "127.0.0.1", "::1")
    return Certificate(made.certfile, str(made.keyfile), files.authority_file)


def talk(
    context: ssl.SSLContext, authority_file: str, name: str, client: ssl.SSLContext | None = None
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """The two ends of a handshake in memory, as (client, server)."""
    if client is None:
        client = ssl.create_default_context(cafile=authority_file)
        client.set_alpn_protocols(["h2", "http/1.1"])
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(back, there, server_hostname=name),
        context.wrap_bio(there, back, server_side=True),
    )
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pass
    return ends
