"""Contexts from files: what is wrong with them in one line, names, and renewal."""

import datetime
import os
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Files, talk
from tricorn.net.tls import (
    Certificate,
    TlsError,
    TlsOptions,
    TlsSource,
    _escaped,
    make_context,
    tls_extension,
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def good(files: Files) -> Certificate:
    return files.make("good", "good.example")


def refusal(*certificates: Certificate, **options: Any) -> str:
    with pytest.raises(TlsError) as caught:
        make_context(TlsOptions(certificates, **options))
    text = str(caught.value)
    assert "\n" not in text
    return text


class TestWhatIsWrong:
    def test_missing(self, good: Certificate) -> None:
        text = refusal(Certificate("/no/such.pem", good.keyfile))
        assert text == "ssl_certfile: /no/such.pem can't be read: No such file or directory"
        text = refusal(Certificate(good.certfile, "/no/such.key"))
        assert text == "ssl_keyfile: /no/such.key can't be read: No such file or directory"

    def test_unreadable(self, good: Certificate, tmp_path: Path) -> None:
        assert "can't be read: Is a directory" in refusal(Certificate(str(tmp_path)))

    def test_of_another_key(self, good: Certificate, files: Files) -> None:
        other = files.make("other", "other.example")
        text = refusal(Certificate(good.certfile, other.keyfile))
        assert text == f"ssl_keyfile: {other.keyfile} isn't the key of the certificate in " + (
            good.certfile
        )

    def test_expired(self, files: Files) -> None:
        past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
        text = refusal(files.make("old", "old.example", not_after=past))
        assert "old.pem expired on " in text

    def test_no_certificate_within(self, good: Certificate, tmp_path: Path) -> None:
        path = tmp_path / "empty.pem"
        path.write_text("nothing\n")
        assert "has no certificate in PEM format" in refusal(Certificate(str(path), good.keyfile))

    def test_no_key_within(self, good: Certificate) -> None:
        text = refusal(Certificate(good.certfile))
        assert text == (
            f"ssl_keyfile: {good.certfile} has no private key in PEM format; give --ssl-keyfile"
        )

    def test_encrypted(self, good: Certificate, tmp_path: Path) -> None:
        keyfile = str(tmp_path / "locked.key")
        command = f"openssl pkey -in {good.keyfile} -aes256 -passout pass:secret -out {keyfile}"
        assert os.system(command) == 0
        locked = Certificate(good.certfile, keyfile)
        assert refusal(locked).endswith("is encrypted; give --ssl-keyfile-password")
        assert refusal(locked, password="x").endswith("is --ssl-keyfile-password right?")
        make_context(TlsOptions((locked,), password="secret"))

    def test_ciphers_and_authorities(self, good: Certificate, tmp_path: Path) -> None:
        assert refusal(good, ciphers="nonsense").startswith("ssl_ciphers: OpenSSL has none of 'non")
        assert refusal(good, version=99).startswith("ssl_version or ssl_cert_reqs can't be used: ")
        path = tmp_path / "none.pem"
        path.write_text("")
        assert "has no certificates in PEM format" in refusal(good, ca_certs=str(path))


class TestHandshakes:
    def test_protocol_and_versions(self, good: Certificate, files: Files) -> None:
        context = make_context(TlsOptions((good,)))
        client, _ = talk(context, files.authority_file, "good.example")
        assert client.selected_alpn_protocol() == "http/1.1"
        assert client.version() == "TLSv1.3"
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2

    @pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
    def test_old_versions_are_refused(self, good: Certificate, files: Files) -> None:
        old = ssl.create_default_context(cafile=files.authority_file)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.raises(ssl.SSLError):
            talk(make_context(TlsOptions((good,))), files.authority_file, "good.example", old)

    def test_certificates_by_name(self, good: Certificate, files: Files) -> None:
        one = files.make("one", "one.example")._replace(name="one.example")
        wild = files.make("wild", "*.wild.example")._replace(name="*.wild.example")
        context = make_context(TlsOptions((good, one, wild)))
        for name in ("one.example", "a.wild.example", "good.example"):
            talk(context, files.authority_file, name)  # the client checks the name
        with pytest.raises(ssl.SSLCertVerificationError):
            talk(context, files.authority_file, "a.b.wild.example")

    def test_what_the_app_learns(self, good: Certificate, files: Files) -> None:
        options = TlsOptions((good,), cert_reqs=ssl.CERT_REQUIRED, ca_certs=files.authority_file)
        client = ssl.create_default_context(cafile=files.authority_file)
        mine = files.make("mine", "me@example", organization_name="Me, Inc.", common_name="Me")
        client.load_cert_chain(mine.certfile, mine.keyfile)
        _, server = talk(make_context(options), files.authority_file, "good.example", client)
        found = tls_extension(server)
        assert found is not None
        (chain,) = found["client_cert_chain"]
        assert chain.startswith("-----BEGIN CERTIFICATE-----")
        assert found["client_cert_name"].startswith("CN=Me,")
        assert "O=Me\\, Inc." in found["client_cert_name"]
        assert (found["tls_version"], found["cipher_suite"]) == (0x0304, 0x1302)

    def test_the_ciphers_of_a_context_are_asked_for_once(
        self, good: Certificate, files: Files
    ) -> None:
        """The list is long, and each connection would have it made."""
        _, server = talk(make_context(TlsOptions((good,))), files.authority_file, "good.example")
        asked: list[str] = []

        class Context:
            def get_ciphers(self) -> list[dict[str, object]]:
                asked.append("ciphers")
                return [{"name": "A-NEW-ONE", "id": 0x0300_1399}]

        class Connection:
            context = Context()
            version = server.version
            getpeercert = server.getpeercert

            def cipher(self) -> tuple[str, str, int]:
                return "A-NEW-ONE", "TLSv1.3", 256

        for _ in range(3):
            found = tls_extension(Connection())
            assert found is not None
            assert found["cipher_suite"] == 0x1399
        assert asked == ["ciphers"]

    def test_without_a_client_certificate(self, good: Certificate, files: Files) -> None:
        _, server = talk(make_context(TlsOptions((good,))), files.authority_file, "good.example")
        found = tls_extension(server)
        assert found is not None
        assert (found["client_cert_chain"], found["client_cert_name"]) == ([], None)


class TestTickets:
    """Of TLS 1.3, with the handshake."""

    def tickets(self, context: ssl.SSLContext, files: Files) -> int:
        """How many a client is given."""
        client = ssl.create_default_context(cafile=files.authority_file)
        given: list[Any] = []
        client._msg_callback = lambda *told: given.append(told)  # type: ignore[attr-defined]
        mine, _ = talk(context, files.authority_file, "good.example", client)
        # They are behind the handshake, where nothing but reading looks.
        with pytest.raises(ssl.SSLWantReadError):
            mine.read()
        return sum([told[4].name == "NEWSESSION_TICKET" for told in given])

    def test_one_is_given(self, good: Certificate, files: Files) -> None:
        assert self.tickets(make_context(TlsOptions((good,))), files) == 1


class TestRenewal:
    def test_a_changed_file_makes_a_new_context(self, files: Files) -> None:
        first = files.make("renewed", "renewed.example")
        source = TlsSource(TlsOptions((first,)))
        before = source.context
        assert not source.renew()
        files.make("renewed", "renewed.example")
        assert source.renew()
        assert source.context is not before
        assert not source.renew()

    def test_a_bad_one_is_told_once_and_the_old_context_stays(self, files: Files) -> None:
        one = files.make("broken", "broken.example")
        source = TlsSource(TlsOptions((one,)))
        before = source.context
        Path(one.certfile).write_text("half a certif")
        with pytest.raises(TlsError, match="has no certificate in PEM format"):
            source.renew()
        assert not source.renew()
        assert source.context is before
        files.make("broken", "broken.example")
        assert source.renew()

    def test_a_factory_gets_the_default(self, good: Certificate) -> None:
        made: list[ssl.SSLContext] = []

        def factory(default: Any) -> ssl.SSLContext:
            made.append(default())
            return made[0]

        assert TlsSource(TlsOptions((good,)), factory).context is made[0]

    def test_a_factory_of_something_else(self) -> None:
        with pytest.raises(TlsError, match=r"must return an ssl\.SSLContext, not int"):
            TlsSource(TlsOptions(()), lambda default: 3)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a", "a"),
        ("a,b", "a\\,b"),
        (" a ", "\\ a\\ "),
        ("#a", "\\#a"),
        ('"+;<>\\', '\\"\\+\\;\\<\\>\\\\'),
    ],
)
def test_names_are_escaped(value: str, written: str) -> None:
    assert _escaped(value) == written
