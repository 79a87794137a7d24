"""From a configuration to what speaks TLS."""

from __future__ import annotations

import os

from tricorn.net.tls import Certificate, TlsOptions, TlsSource
from tricorn.product import product_logger
from tricorn.settings.config import Config
from tricorn.settings.errors import OptionError

logger = product_logger("error")


def tls_options(config: Config) -> TlsOptions | None:
    """How connections speak TLS; None where they don't.

    Raises `ConfigError`, and `TlsError` when there can be no development certificate.
    """
    if not config.is_ssl:
        return None
    names = config.ssl_certificates or ()
    named = [_certificate(text) for text in ([names] if isinstance(names, str) else names)]
    certificates = [] if config.ssl_certfile is None else [_first_certificate(config)]
    if config.dev_https:
        certificates = [dev_certificate()]
    if config.ssl_keyfile is not None and config.ssl_certfile is None:
        raise OptionError("ssl_keyfile", wrong=": needs --ssl-certfile too")
    return TlsOptions(
        (*certificates, *named),
        config.ssl_keyfile_password,
        config.ssl_version,
        config.ssl_cert_reqs,
        None if config.ssl_ca_certs is None else os.fspath(config.ssl_ca_certs),
        config.ssl_ciphers,
        config.alpn,
    )


def _first_certificate(config: Config) -> Certificate:
    keyfile = config.ssl_keyfile
    assert config.ssl_certfile is not None
    return Certificate(
        os.fspath(config.ssl_certfile), None if keyfile is None else os.fspath(keyfile)
    )


def dev_certificate() -> Certificate:
    """The development certificate, made if need be. Raises `TlsError`."""
    from tricorn.serve.dev_certificate import ensure

    made = ensure()
    if made.new_certificate:
        logger.warning(
            "Made a development certificate, signed by %s%s. `tricorn dev-cert` says how to"
            " trust it.",
            "the new authority " if made.new_authority else "",
            made.files.authority,
        )
    return Certificate(str(made.files.certificate), str(made.files.key))


def _certificate(text: str) -> Certificate:
    """Read `NAME=CERTFILE,KEYFILE`; one file may hold both."""
    name, _, files = text.partition("=")
    certfile, _, keyfile = files.partition(",")
    if not name or not certfile:
        raise OptionError("ssl_certificates", wrong=f": {text!r} is not NAME=CERTFILE,KEYFILE")
    return Certificate(certfile, keyfile or None, name)


def tls_source(config: Config) -> TlsSource | None:
    """The TLS contexts of a server. Raises `ConfigError`, and `TlsError` for bad files."""
    options = tls_options(config)
    if options is None:
        return None
    own = config.ssl_context_factory
    return TlsSource(options, None if own is None else lambda default: own(config, default))
