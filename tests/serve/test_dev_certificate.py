"""The development certificate: what is made, kept, renewed, and who trusts it."""

import datetime
import ipaddress
import os
import ssl
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography import x509

from tests.support.certificates import talk
from tests.support.server import APPS, serve, start
from tests.support.tools import need_tool
from tricorn.cli import main
from tricorn.net.tls import Certificate, TlsError, TlsOptions, make_context
from tricorn.serve import dev_certificate
from tricorn.serve.dev_certificate import DevFiles, data_directory, dev_files, ensure


def certificate(files: DevFiles) -> x509.Certificate:
    return x509.load_pem_x509_certificate(files.certificate.read_bytes())


def handshake(files: DevFiles, name: str) -> None:
    """A handshake whose client trusts the authority and wants that name."""
    options = TlsOptions((Certificate(str(files.certificate), str(files.key)),))
    client, _ = talk(make_context(options), str(files.authority), name)
    assert client.version() == "TLSv1.3"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_clients_trust_it_for_localhost(tmp_path: Path, name: str) -> None:
    made = ensure((), tmp_path)
    assert (made.new_authority, made.new_certificate) == (True, True)
    handshake(made.files, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(made.files, "other.example")


def test_names_are_added_and_stay(tmp_path: Path) -> None:
    ensure((), tmp_path)
    made = ensure(("App.test", "*.app.test", "[2001:DB8::1]"), tmp_path)
    assert (made.new_authority, made.new_certificate) == (False, True)
    assert made.names[3:] == ("app.test", "*.app.test", "2001:db8::1")
    for name in ("localhost", "app.test", "a.app.test", "2001:db8::1"):
        handshake(made.files, name)
    again = ensure(("app.test",), tmp_path)
    assert (again.new_certificate, set(again.names)) == (False, set(made.names))


@pytest.mark.parametrize("name", ["", "a b", "http://a", "a..b", "-" * 64, "bücher.example"])
def test_what_is_no_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(TlsError, match="neither a host name nor an address"):
        ensure((name,), tmp_path)


def test_what_is_there_stays(tmp_path: Path) -> None:
    files = ensure((), tmp_path).files
    before = [path.read_bytes() for path in files]
    made = ensure((), tmp_path)
    assert (made.new_authority, made.new_certificate) == (False, False)
    assert [path.read_bytes() for path in files] == before


def test_it_is_renewed_before_it_expires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = ensure((), tmp_path).files
    trusted = files.authority.read_bytes()
    ends = certificate(files).not_valid_after_utc

    def at(moment: datetime.datetime) -> Callable[[], datetime.datetime]:
        return lambda: moment

    day = datetime.timedelta(days=1)
    monkeypatch.setattr(dev_certificate, "_now", at(ends - 31 * day))
    assert not ensure((), tmp_path).new_certificate
    monkeypatch.setattr(dev_certificate, "_now", at(ends - 29 * day))
    made = ensure((), tmp_path)
    assert (made.new_authority, made.new_certificate) == (False, True)
    assert files.authority.read_bytes() == trusted
    assert certificate(files).not_valid_after_utc > ends + 700 * day
    # The authority's own end makes a new one of both.
    monkeypatch.setattr(dev_certificate, "_now", at(ends + 3000 * day))
    made = ensure((), tmp_path)
    assert (made.new_authority, made.new_certificate) == (True, True)


@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_what_is_damaged_is_made_anew(tmp_path: Path, which: int, damage: str) -> None:
    files = ensure(("app.test",), tmp_path).files
    if damage == "missing":
        files[which].unlink()
    else:
        files[which].write_bytes(files[which].read_bytes()[:40])
    made = ensure(("app.test",), tmp_path)
    assert (made.new_authority, made.new_certificate) == (which < 2, True)
    handshake(made.files, "app.test")


def test_what_another_authority_signed_is_made_anew(tmp_path: Path) -> None:
    files, other = ensure((), tmp_path / "a").files, ensure((), tmp_path / "b").files
    for path, from_other in zip(files[:2], other[:2], strict=True):
        path.write_bytes(from_other.read_bytes())
    assert ensure((), tmp_path / "a").new_certificate
    handshake(files, "localhost")


def test_only_the_user_can_read_the_keys(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        files = ensure((), tmp_path).files
    finally:
        os.umask(before)
    assert stat.S_IMODE(files.key.parent.stat().st_mode) == 0o700
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_certificate_is_what_browsers_ask_for(tmp_path: Path) -> None:
    files = ensure((), tmp_path).files
    found = certificate(files)
    # Apple: no more than 825 days, and a purpose; RFC 5280: no authority.
    assert (found.not_valid_after_utc - found.not_valid_before_utc).days <= 825
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert ipaddress.ip_address("::1") in names.get_values_for_type(x509.IPAddress)
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    purposes = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert x509.oid.ExtendedKeyUsageOID.SERVER_AUTH in purposes


def test_openssl_takes_the_chain(tmp_path: Path) -> None:
    files = ensure((), tmp_path).files
    command = [need_tool("openssl"), "verify", "-x509_strict", "-purpose", "sslserver"]
    command += ["-CAfile", str(files.authority), str(files.certificate)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout == f"{files.certificate}: OK\n", done.stderr


def test_where_it_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert dev_files().key == tmp_path / "tricorn" / "dev-cert" / "localhost-key.pem"
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_DATA_HOME", value)
        assert data_directory() == Path("/home/me/.local/share/tricorn")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert data_directory() == Path("/home/me/Library/Application Support/tricorn")


def test_a_place_that_cant_be_written_to_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TlsError) as caught:
        ensure((), tmp_path / "file")
    assert str(caught.value).endswith("dev-cert: Not a directory")


class TestCommand:
    @pytest.fixture(autouse=True)
    def _place(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))

    def run(self, *args: str) -> Any:
        return CliRunner().invoke(main, ["dev-cert", *args])

    def test_it_says_what_there_is_and_how_to_trust_it(self, tmp_path: Path) -> None:
        first = self.run("app.test")
        assert first.exit_code == 0
        files = dev_files(tmp_path / "tricorn")
        assert "Made a certificate for localhost, 127.0.0.1, ::1, app.test\n" in first.output
        assert "The authority is new" in first.output
        for word in ("Debian", "Fedora", "macOS", "Windows", "Chromium", "Firefox", "curl"):
            assert word in first.output
        for path in (*files,):
            assert str(path) in first.output
        second = self.run()
        assert second.output.startswith("Already there: a certificate for localhost, ")

    def test_a_bad_name_is_one_line_and_2(self) -> None:
        done = self.run("a b")
        assert (done.exit_code, done.output.count("\n")) == (2, 1)
        assert "'a b' is neither a host name nor an address" in done.output

    def test_without_the_package_it_is_one_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "cryptography", None)
        done = self.run()
        assert (done.exit_code, done.output) == (
            2,
            "Error: development certificates need the cryptography package;"
            " install tricorn[dev-https]\n",
        )


@pytest.mark.parametrize(
    "workers", ["1", pytest.param("2", marks=pytest.mark.once)], ids=["process", "workers"]
)
def test_dev_https_serves_and_curl_trusts_it(tmp_path: Path, workers: str) -> None:
    env = {"XDG_DATA_HOME": str(tmp_path)}
    curl = need_tool("curl")
    authority = str(dev_files(tmp_path / "tricorn").authority)
    more = ("--dev-https", "--workers", workers, "--lifespan", "off")
    for attempt in range(2):
        with serve("plain:app", *more, env=env) as server:
            url = f"https://localhost:{server.port}/"
            resolve = f"localhost:{server.port}:127.0.0.1"
            command = [curl, "-sS", "--cacert", authority, "--resolve", resolve, url]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            assert (done.returncode, done.stderr) == (0, "")
        # Loud when it makes something, by one process, and only then.
        assert server.output().count("Made a development certificate") == (attempt == 0)


def test_dev_https_isnt_combined(tmp_path: Path) -> None:
    command = ("plain:app", "--app-dir", str(APPS), "--port", "0", "--dev-https")
    server = start(*command, "--ssl-certfile", "x.pem", env={"XDG_DATA_HOME": str(tmp_path)})
    assert server.wait() == 2
    assert server.output() == (
        "Error: --dev-https and --ssl-certfile both say which certificate to use;"
        " give only one of them\n"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("workers", ["1", "2"])
def test_dev_https_that_cant_be_made_is_3(tmp_path: Path, workers: str) -> None:
    (tmp_path / "tricorn").write_text("a file")
    command = ("plain:app", "--app-dir", str(APPS), "--port", "0", "--dev-https")
    server = start(*command, "--workers", workers, env={"XDG_DATA_HOME": str(tmp_path)})
    assert server.wait() == 3
    errors = [line for line in server.output().splitlines() if not line.startswith("INFO")]
    assert len(errors) == 1 and errors[0].endswith("Not a directory")
