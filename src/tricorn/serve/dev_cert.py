"""`tricorn dev-cert`: makes an authority and a certificate for localhost; says how to trust it."""

from __future__ import annotations

import click

from tricorn.net.tls import TlsError
from tricorn.serve.dev_certificate import Made, ensure


@click.command("dev-cert", context_settings={"help_option_names": ["--help"]})
@click.argument("names", nargs=-1, metavar="[NAME]...")
def dev_cert(names: tuple[str, ...]) -> None:
    """Make a certificate for localhost, 127.0.0.1, ::1 and each NAME that browsers can trust.

    It is signed by an authority of your own, made at the first call. What is there already
    stays, until 30 days before it expires. `tricorn main:app --dev-https` uses it.
    """
    try:
        made = ensure(names)
    except TlsError as error:
        raise click.ClickException(str(error)) from None
    click.echo(summary(made))


def summary(made: Made) -> str:
    """What there is, and how to trust it."""
    files = made.files
    done = "Made" if made.new_certificate else "Already there:"
    lines = [
        f"{done} a certificate for {', '.join(made.names)}",
        f"  certificate  {files.certificate}",
        f"  key          {files.key}",
        f"  authority    {files.authority}",
    ]
    if made.new_authority:
        lines.append("The authority is new: what trusted an earlier one doesn't trust it.")
    where = f"'{files.authority}'"
    return "\n".join([*lines, "", trusting(where), "", _KEEP.format(key=files.authority_key)])


def trusting(authority: str) -> str:
    """How to trust the authority in the file of that (quoted) path."""
    return _TRUST.format(authority=authority)


_TRUST = """\
Trust the authority once, where your client looks for authorities:

  Debian, Ubuntu
    sudo cp {authority} /usr/local/share/ca-certificates/tricorn-dev.crt
    sudo update-ca-certificates
  Fedora, RHEL
    sudo cp {authority} /etc/pki/ca-trust/source/anchors/tricorn-dev.pem
    sudo update-ca-trust
  macOS
    sudo security add-trusted-cert -d -r trustRoot \\
      -k /Library/Keychains/System.keychain {authority}
  Windows
    certutil -addstore -f ROOT {authority}
  Chromium, Chrome on Linux (certutil is in libnss3-tools or nss-tools)
    mkdir -p ~/.pki/nssdb
    certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n tricorn-dev -i {authority}
  Firefox
    Settings, Privacy & Security, View Certificates, Authorities, Import
  curl, without trusting it everywhere
    curl --cacert {authority} https://localhost:8000/
  Python's requests and httpx
    REQUESTS_CA_BUNDLE={authority}, SSL_CERT_FILE={authority}"""

_KEEP = """\
Keep {key} to yourself: who has it can pretend to be any
site to whoever trusts this authority. Delete the directory to start afresh."""
