"""An authority of this user's own, and the certificate for localhost that it signs.

Browsers speak HTTP/2, service workers, and cookies marked Secure only with a host they trust.
A certificate that signs itself is a warning to click away each time; an authority is trusted
once. Its key never leaves the user's data directory.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import socket
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tricorn.net.tls import TlsError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

NAMES: Final = ("localhost", "127.0.0.1", "::1")
_AUTHORITY_DAYS: Final = 3650
# Apple's systems take no certificate that is valid for longer than 825 days.
_DAYS: Final = 820
_RENEW_BEFORE: Final = 30  # days
_PRIVATE: Final = 0o600
_PRIVATE_DIRECTORY: Final = 0o700


class DevFiles(NamedTuple):
    """Where everything lies."""

    authority: Path
    authority_key: Path
    certificate: Path
    key: Path


class Made(NamedTuple):
    """What there is now, and whether it was made just now."""

    files: DevFiles
    new_authority: bool
    new_certificate: bool
    names: tuple[str, ...]


def data_directory() -> Path:
    """This user's directory for tricorn's data: XDG's, or the system's own."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "tricorn"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local", "tricorn")
    given = os.environ.get("XDG_DATA_HOME", "")
    # XDG Base Directory Specification: a relative path is invalid, and ignored.
    where = Path(given) if os.path.isabs(given) else Path.home() / ".local" / "share"
    return where / "tricorn"


def dev_files(directory: Path | None = None) -> DevFiles:
    """The files in `directory`, the user's own if none is given."""
    where = (directory or data_directory()) / "dev-cert"
    names = ("authority.pem", "authority-key.pem", "localhost.pem", "localhost-key.pem")
    return DevFiles(*(where / name for name in names))


def ensure(names: Sequence[str] = (), directory: Path | None = None) -> Made:
    """Make what is missing or about to expire; `names` are added to those of localhost.

    Names that were added once stay. Raises `TlsError`, in one line, when it can't be done.
    """
    files = dev_files(directory)
    try:
        files.key.parent.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        with _locked(files.key.parent / "lock"):
            return _ensure(files, names)
    except ImportError:
        raise TlsError(
            "development certificates need the cryptography package; install tricorn[dev-https]"
        ) from None
    except OSError as error:
        raise TlsError(f"development certificates: {error.filename}: {error.strerror}") from None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes from making the same at the same time."""
    with open(path, "w") as file:
        with contextlib.suppress(ImportError):
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _ensure(files: DevFiles, names: Sequence[str]) -> Made:
    authority = _load(files.authority, files.authority_key)
    new_authority = authority is None or _is_ending(authority[0])
    if authority is None or new_authority:
        authority = _make_authority()
        _write(files.authority, files.authority_key, *authority)
    found = _load(files.certificate, files.key)
    kept = () if found is None else _names(found[0])
    wanted = tuple(dict.fromkeys((*NAMES, *kept, *(_canonical(name) for name in names))))
    new = new_authority or found is None or _is_ending(found[0])
    if found is None or new or set(wanted) != set(kept) or not _signed_by(found[0], authority[0]):
        _write(files.certificate, files.key, *_make_certificate(authority, wanted))
        return Made(files, new_authority, True, wanted)
    return Made(files, False, False, wanted)


_Pair = tuple["x509.Certificate", "EllipticCurvePrivateKey"]


def _load(certificate: Path, key: Path) -> _Pair | None:
    """A certificate and its key; None where they aren't there whole, and have to be made."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except (FileNotFoundError, ValueError, TypeError):
        return None
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        return None
    return (loaded, private) if loaded.public_key() == private.public_key() else None


def _is_ending(certificate: x509.Certificate) -> bool:
    left = certificate.not_valid_after_utc - _now()
    return left < datetime.timedelta(days=_RENEW_BEFORE)


def _signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in found.value)


def _canonical(name: str) -> str:
    """A host name or an address in its one form. Raises `TlsError` for what is neither."""
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(name.strip("[]")))
    lower = name.rstrip(".").lower()
    labels = lower.removeprefix("*.").split(".")
    fine = all(
        label and len(label) <= 63 and label.isascii() and label.replace("-", "a").isalnum()
        for label in labels
    )
    if not fine or len(lower) > 253:
        raise TlsError(f"development certificates: {name!r} is neither a host name nor an address")
    return lower


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _make_authority() -> _Pair:
    from cryptography import x509

    # So that one can tell whose it is, in a list of authorities.
    owner = f"{_user()}@{socket.gethostname()}"[:64]
    name = _name("tricorn development authority", owner)
    usage = _usage(key_cert_sign=True, crl_sign=True)
    constraints = x509.BasicConstraints(ca=True, path_length=0)
    return _make(name, name, None, _AUTHORITY_DAYS, [(constraints, True), (usage, True)])


def _make_certificate(authority: _Pair, names: Iterable[str]) -> _Pair:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    general: list[x509.GeneralName] = []
    for name in names:
        try:
            general.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            general.append(x509.DNSName(name))
    extensions: list[tuple[Any, bool]] = [
        (x509.SubjectAlternativeName(general), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(digital_signature=True), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
    ]
    subject = _name("tricorn development certificate", "localhost")
    return _make(subject, authority[0].subject, authority, _DAYS, extensions)


def _make(
    subject: x509.Name,
    issuer: x509.Name,
    authority: _Pair | None,
    days: int,
    extensions: list[tuple[Any, bool]],
) -> _Pair:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    signer = key if authority is None else authority[1]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks of other machines and of virtual ones may be behind.
        .not_valid_before(_now() - datetime.timedelta(days=1))
        .not_valid_after(_now() + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    for extension, critical in [*extensions, (identifier, False)]:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer, hashes.SHA256()), key


def _name(organization: str, common: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _usage(**wanted: bool) -> x509.KeyUsage:
    from cryptography import x509

    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: wanted.get(name, False) for name in names})


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "user"


def _write(
    certificate: Path, key: Path, made: x509.Certificate, private: EllipticCurvePrivateKey
) -> None:
    from cryptography.hazmat.primitives import serialization

    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _replace(key, pem)
    _replace(certificate, made.public_bytes(serialization.Encoding.PEM))


def _replace(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, readable for this user only from its first byte."""
    half = path.with_name(path.name + ".new")
    with contextlib.suppress(FileNotFoundError):
        half.unlink()
    with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "wb") as file:
        file.write(data)
    os.replace(half, path)
