"""TLS contexts from certificate files, and what the app learns of a connection's TLS.

A `TlsSource` makes a context, says in one line what is wrong with its files, and notices when
they change: certificates are renewed every few weeks, and a server shouldn't stop for it.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

# Mozilla's intermediate profile for TLS 1.2, less its DHE suites, which no client of the last ten
# years needs. The suites of TLS 1.3 are OpenSSL's, and all of that profile.
CIPHERS = ":".join(
    f"ECDHE-{kind}-{cipher}"
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for kind in ("ECDSA", "RSA")
)
# Session tickets with the handshake of TLS 1.3 (RFC 8446 §4.6.1). Each costs about as much as a
# signature on a curve; the next connection, for which it is, brings another. None at all would
# leave the client's last message unanswered, and one that waits for its acknowledgement before it
# sends its request would wait for the system's 40 ms (docs/performance.md).
_TICKETS = 1
# SSL_OP_PRIORITIZE_CHACHA, to which the ssl module gives no name: a client that asks for
# ChaCha20 first has no AES in its processor, so it gets that.
_OP_PRIORITIZE_CHACHA = 1 << 21


class TlsError(Exception):
    """A certificate or key can't be used. Its text is one line that names the file."""


class Certificate(NamedTuple):
    """A certificate chain and its private key, which may be in the same file."""

    certfile: str
    keyfile: str | None = None
    name: str = ""  # of the server, for clients that ask for it (SNI); "*.example.com" too


class TlsOptions(NamedTuple):
    """How connections speak TLS. The first certificate is for who asks for no known name."""

    certificates: tuple[Certificate, ...]
    password: str | None = None
    version: int = ssl.PROTOCOL_TLS_SERVER
    cert_reqs: int = ssl.CERT_NONE
    ca_certs: str | None = None
    ciphers: str | None = None
    alpn: Sequence[str] = ("http/1.1",)


Factory = Callable[[Callable[[], ssl.SSLContext]], ssl.SSLContext]


class TlsSource:
    """The current context of a server.

    `factory`, if given, gets a function that makes the default context and returns the one to
    use.
    """

    def __init__(self, options: TlsOptions, factory: Factory | None = None) -> None:
        self.options = options
        self.factory = factory
        self._seen = self._stamps()
        self.context = self._make()

    def renew(self) -> bool:
        """Read the files again if they have changed. Returns whether there is a new context.

        Raises `TlsError` when they can't be used any more; the context stays, and the next
        change is looked at again.
        """
        stamps = self._stamps()
        if stamps == self._seen:
            return False
        self._seen = stamps
        self.context = self._make()
        return True

    def _make(self) -> ssl.SSLContext:
        if self.factory is None:
            return make_context(self.options)
        context = self.factory(lambda: make_context(self.options))
        if not isinstance(context, ssl.SSLContext):
            raise TlsError(
                f"ssl_context_factory must return an ssl.SSLContext, not {type(context).__name__}"
            )
        return context

    def _stamps(self) -> list[tuple[int, int, int]]:
        names: list[str] = [self.options.ca_certs] if self.options.ca_certs else []
        for one in self.options.certificates:
            names += (one.certfile, one.keyfile or one.certfile)
        stamps = []
        for name in names:
            try:
                found = os.stat(name)
                stamps.append((found.st_mtime_ns, found.st_size, found.st_ino))
            except OSError:
                stamps.append((0, 0, 0))
        return stamps


def make_context(options: TlsOptions) -> ssl.SSLContext:
    """Make the context of a server: TLS 1.2 and 1.3. Raises `TlsError`."""
    contexts = [_context(options, one) for one in options.certificates]
    first = contexts[0] if contexts else _context(options, None)
    names = {
        one.name.lower(): made for one, made in zip(options.certificates, contexts, strict=True)
    }
    if any(names):
        first.sni_callback = _chooser(names)
    return first


def _context(options: TlsOptions, certificate: Certificate | None) -> ssl.SSLContext:
    try:
        context = ssl.SSLContext(options.version)
        context.minimum_version = max(context.minimum_version, ssl.TLSVersion.TLSv1_2)
        context.verify_mode = ssl.VerifyMode(options.cert_reqs)
    except (ssl.SSLError, ValueError) as error:
        raise TlsError(f"ssl_version or ssl_cert_reqs can't be used: {error}") from None
    _set_ciphers(context, options.ciphers)
    # A server picks the cipher, and doesn't compress or renegotiate (RFC 9325 §3).
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE | _OP_PRIORITIZE_CHACHA
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if options.ca_certs is not None:
        _load_authorities(context, options.ca_certs)
    if certificate is not None:
        _load(context, certificate, options.password)
    if context.protocol == ssl.PROTOCOL_TLS_SERVER:
        context.num_tickets = _TICKETS
    context.set_alpn_protocols(list(options.alpn))
    return context


def _set_ciphers(context: ssl.SSLContext, ciphers: str | None) -> None:
    try:
        context.set_ciphers(CIPHERS if ciphers is None else ciphers)
    except ssl.SSLError:
        raise TlsError(
            f"ssl_ciphers: OpenSSL has none of {ciphers!r}; "
            "`openssl ciphers -tls1_2 -s` names those it has"
        ) from None


def _load_authorities(context: ssl.SSLContext, path: str) -> None:
    _check_readable("ssl_ca_certs", path)
    try:
        context.load_verify_locations(path)
    except ssl.SSLError:
        raise TlsError(f"ssl_ca_certs: {path} has no certificates in PEM format") from None


def _load(context: ssl.SSLContext, certificate: Certificate, password: str | None) -> None:
    certfile, keyfile = certificate.certfile, certificate.keyfile
    _check_readable("ssl_certfile", certfile)
    if keyfile is not None:
        _check_readable("ssl_keyfile", keyfile)
    asked: list[bool] = []

    def give_password() -> str:
        # Without one OpenSSL would ask on the terminal, which a service hasn't.
        asked.append(True)
        return password or ""

    try:
        context.load_cert_chain(certfile, keyfile, give_password)
    except ssl.SSLError as error:
        raise TlsError(_why(certificate, error, bool(asked), password)) from None
    _check_time(certfile)


def _check_readable(option: str, path: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise TlsError(f"{option}: {path} can't be read: {error.strerror}") from None


def _why(certificate: Certificate, error: ssl.SSLError, asked: bool, password: str | None) -> str:
    keyfile = certificate.keyfile or certificate.certfile
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"ssl_keyfile: {keyfile} isn't the key of the certificate in {certificate.certfile}"
    if asked:
        if not password:
            return f"ssl_keyfile: {keyfile} is encrypted; give --ssl-keyfile-password"
        return f"ssl_keyfile: {keyfile} can't be decrypted; is --ssl-keyfile-password right?"
    if b"-----BEGIN CERTIFICATE-----" not in Path(certificate.certfile).read_bytes():
        return f"ssl_certfile: {certificate.certfile} has no certificate in PEM format"
    if b"PRIVATE KEY-----" not in Path(keyfile).read_bytes():
        hint = "" if certificate.keyfile else "; give --ssl-keyfile"
        return f"ssl_keyfile: {keyfile} has no private key in PEM format{hint}"
    return f"ssl_certfile: {certificate.certfile} with {keyfile} can't be used: {error}"


def _check_time(certfile: str) -> None:
    """Refuse a certificate that no client would take."""
    decode = getattr(getattr(ssl, "_ssl", None), "_test_decode_cert", None)
    if decode is None:
        return
    try:
        ends = decode(certfile)["notAfter"]
    except (ssl.SSLError, KeyError, OSError):
        return  # a chain in an order that this function doesn't read
    if ssl.cert_time_to_seconds(ends) < time.time():
        raise TlsError(f"ssl_certfile: {certfile} expired on {ends}; renew it")


def _chooser(
    contexts: dict[str, ssl.SSLContext],
) -> Callable[[ssl.SSLObject, str | None, ssl.SSLContext], None]:
    def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        if not name:
            return
        name = name.lower()
        # RFC 6125 §6.4.3: a wildcard stands for one label.
        found = contexts.get(name) or contexts.get("*." + name.partition(".")[2])
        if found is not None:
            connection.context = found

    return choose


def speaks_http2(transport: Any) -> bool:
    """Whether client and server have agreed on HTTP/2 in the handshake (RFC 7301)."""
    connection = transport.get_extra_info("ssl_object")
    return connection is not None and connection.selected_alpn_protocol() == "h2"


def tls_extension(connection: Any) -> dict[str, Any] | None:
    """The `tls` extension of a scope (ASGI TLS extension 0.2) for an `ssl.SSLObject`.

    None where the transport doesn't show one.
    """
    if connection is None:
        return None
    version = _VERSIONS.get(connection.version())
    cipher = connection.cipher()
    found = connection.getpeercert(binary_form=True)
    return {
        "server_cert": None,  # the ssl module doesn't tell which one was sent
        "client_cert_chain": [ssl.DER_cert_to_PEM_cert(found)] if found else [],
        "client_cert_name": _name(connection.getpeercert()) if found else None,
        "client_cert_error": None,  # with an error there is no connection
        "tls_version": version,
        "cipher_suite": None if cipher is None else _suite(connection, cipher[0]),
    }


# The numbers of RFC 8446 §4.2.1 and RFC 5246.
_VERSIONS = {"TLSv1.2": 0x0303, "TLSv1.3": 0x0304}


# By OpenSSL's name. A context makes a list of dicts of all its ciphers each time it is asked.
_suites: dict[str, int] = {}


def _suite(connection: Any, name: str) -> int | None:
    """The number of a cipher suite in IANA's registry."""
    if name not in _suites:
        ciphers = connection.context.get_ciphers()
        _suites.update({cipher["name"]: int(cipher["id"]) & 0xFFFF for cipher in ciphers})
    return _suites.get(name)


def _name(certificate: Any) -> str | None:
    """The subject as RFC 4514 writes it: the most specific part first."""
    if not certificate:
        return None
    relatives = reversed(certificate.get("subject", ()))
    return ",".join(["+".join([_part(*pair) for pair in relative]) for relative in relatives])


def _part(key: str, value: str) -> str:
    return f"{_SHORT.get(key, key)}={_escaped(value)}"


_SHORT = {
    "commonName": "CN",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "streetAddress": "STREET",
    "domainComponent": "DC",
    "userId": "UID",
}


def _escaped(value: str) -> str:
    """RFC 4514 §2.4."""
    text = "".join("\\" + char if char in '"+,;<>\\' else char for char in value)
    text = text.replace("\0", "\\00")
    if text[:1] in (" ", "#"):
        text = "\\" + text
    if text.endswith(" ") and len(text) > 1:
        text = text[:-1] + "\\ "
    return text
