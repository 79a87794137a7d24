"""Certificates for tests, of an authority of their own."""

import ssl
from pathlib import Path
from typing import NamedTuple

import trustme


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


def make_certificate(folder: Path) -> Certificate:
    """Makes one, with its files in the folder."""
    authority = trustme.CA()
    made = authority.issue_cert("localhost", "127.0.0.1", "::1")
    names = [str(folder / name) for name in ("cert.pem", "key.pem", "authority.pem")]
    Path(names[0]).write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
    made.private_key_pem.write_to_path(names[1])
    authority.cert_pem.write_to_path(names[2])
    return Certificate(*names)
