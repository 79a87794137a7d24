"""gunicorn's settings become tricorn's options; what becomes of them live is in recipes."""

import sys

import pytest

pytest.importorskip("gunicorn")

from gunicorn.config import Config

from tricorn import Config as TricornConfig
from tricorn.compat.gunicorn_settings import (
    drain_seconds,
    options,
    proxy_peers,
    proxy_protocol,
    refusal,
    without_effect,
)


def configured(**settings):
    cfg = Config()
    for name, value in settings.items():
        cfg.set(name, value)
    return cfg


def made(max_requests=sys.maxsize, **settings):
    return options(configured(**settings), max_requests)


def test_defaults_make_a_config():
    config = TricornConfig(app=None, **made())
    assert config.timeout_keep_alive == 2
    assert config.limit_max_requests is None
    assert config.limit_request_line == 8192
    assert config.limit_connections is None
    assert not config.access_log


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"keepalive": 7}, {"timeout_keep_alive": 7}),
        ({"backlog": 64}, {"backlog": 64}),
        ({"limit_request_line": 2000}, {"limit_request_line": 2000}),
        ({"limit_request_line": 0}, {"limit_request_line": 2**20}),
        ({"limit_request_fields": 10}, {"limit_fields": 10}),
        ({"limit_request_field_size": 1000}, {"limit_field_section": 100_200}),
        (
            {"limit_request_field_size": 1000, "limit_request_fields": 10},
            {"limit_field_section": 10_020, "limit_fields": 10},
        ),
        ({"limit_request_field_size": 0}, {"limit_field_section": 2**20}),
        ({"worker_connections": 50}, {"limit_connections": 50}),
        ({"forwarded_allow_ips": "*"}, {"forwarded_allow_ips": ["*"]}),
        ({"forwarded_allow_ips": "10.0.0.1"}, {"forwarded_allow_ips": ["10.0.0.1", "unix"]}),
        ({"forwarded_allow_ips": ""}, {"forwarded_allow_ips": ["unix"]}),
    ],
)
def test_settings(settings, expected):
    found = made(**settings)
    assert {name: found[name] for name in expected} == expected
    TricornConfig(app=None, **found)


def test_max_requests_is_the_workers():
    assert made(max_requests=500)["limit_max_requests"] == 500


@pytest.mark.parametrize(("whole", "left"), [(30, 27), (10, 9), (3, 2), (1, 0.5), (0, 0)])
def test_the_drain_leaves_time_for_the_lifespan(whole, left):
    assert drain_seconds(whole) == left


def test_what_has_no_effect_is_named():
    assert without_effect(Config()) == []
    (line,) = without_effect(configured(threads=4))
    assert "threads" in line


def test_what_can_not_be_served_is_refused():
    assert refusal(Config()) == ""
    assert refusal(configured(proxy_protocol=True)) == ""


def test_the_proxy_protocol_and_who_speaks_it():
    assert proxy_peers(Config()) is None
    assert made()["proxy_protocol"] == "off"
    settings = configured(proxy_protocol=True, proxy_allow_ips="192.0.2.1,198.51.100.2")
    assert proxy_protocol(settings) == "auto"
    assert proxy_peers(settings) == ["192.0.2.1", "198.51.100.2", "unix"]
    assert proxy_peers(configured(proxy_protocol=True, proxy_allow_ips="*")) == ["*"]


@pytest.mark.parametrize("version", ["auto", "v1", "v2"])
@pytest.mark.skipif(Config().proxy_protocol is False, reason="gunicorn before 24.1: yes or no")
def test_a_version_of_the_proxy_protocol(version):
    assert proxy_protocol(configured(proxy_protocol=version)) == version
