"""Each kind of value: what is taken, what is refused, and in which words."""

import configparser
import io
import pathlib
import ssl

import pytest

from tricorn.settings.errors import ConfigError
from tricorn.settings.option import Option
from tricorn.settings.options import BY_NAME, OPTIONS
from tricorn.settings.values import FALSE, TRUE, convert


def refusal(name: str, raw: object) -> str:
    with pytest.raises(ConfigError) as caught:
        convert(BY_NAME[name], raw, "somewhere")
    message = str(caught.value)
    assert message.startswith("somewhere: ")
    assert "\n" not in message
    return message.removeprefix("somewhere: ")


ACCEPTED: list[tuple[str, object, object]] = [
    ("host", "0.0.0.0", "0.0.0.0"),
    ("host", "", None),
    ("host", None, None),
    ("port", "8080", 8080),
    ("port", 0, 0),
    ("port", 65535, 65535),
    ("fd", "0", 0),
    ("uds", pathlib.Path("run") / "x", "run/x"),
    ("uds", "", None),
    ("uds_mode", "660", 0o660),
    ("uds_mode", "0o600", 0o600),
    ("uds_mode", 0o600, 0o600),
    ("uds_owner", "www-data", "www-data"),
    ("uds_owner", "www-data:adm", "www-data:adm"),
    ("uds_owner", ":adm", ":adm"),
    ("bind", "127.0.0.1:0", ["127.0.0.1:0"]),
    ("bind", ("[::1]:80", "unix:/x", "fd://3"), ["[::1]:80", "unix:/x", "fd://3"]),
    ("bind", [], None),
    ("reload_dirs", pathlib.Path("src"), ["src"]),
    ("reload_dirs", [pathlib.Path("a"), "b"], ["a", "b"]),
    ("limit_body_size", "none", None),
    ("limit_body_size", "None", None),
    ("limit_body_size", "0", 0),
    ("timeout_keep_alive", "5", 5),
    ("timeout_keep_alive", "0.5", 0.5),
    ("timeout_head", 30, 30),
    ("timeout_graceful_shutdown", "none", None),
    ("timeout_graceful_shutdown", "0", 0),
    ("interface", "wsgi", "wsgi"),
    ("loop", "uvloop", "uvloop"),
    ("loop", "package.module:factory", "package.module:factory"),
    ("http", "mine:Protocol", "mine:Protocol"),
    ("http", int, int),
    ("log_level", "INFO", "info"),
    ("log_level", 15, 15),
    ("log_level", "15", 15),
    ("log_config", "default", "default"),
    ("log_config", {"version": 1}, {"version": 1}),
    ("log_config", None, None),
    ("forwarded_allow_ips", "*", "*"),
    ("forwarded_allow_ips", "", ""),
    ("forwarded_allow_ips", "10.0.0.0/8, ::1,unix", "10.0.0.0/8, ::1,unix"),
    ("forwarded_allow_ips", ("*",), ["*"]),
    ("forwarded_allow_ips", "testclient,/run/x.sock", "testclient,/run/x.sock"),
    ("forwarded_allow_ips", "fe80::1%eth0", "fe80::1%eth0"),
    ("headers", ["X-A:1", "X-B: 2:3 "], [("X-A", "1"), ("X-B", "2:3")]),
    ("headers", [("x-a", "1"), ["x-b", ""]], [("x-a", "1"), ("x-b", "")]),
    ("headers", {"X-A": "1"}, [("X-A", "1")]),
    ("headers", [], []),
    ("ssl_cert_reqs", ssl.CERT_REQUIRED, 2),
    ("hsts", "31536000", "max-age=31536000"),
    ("hsts", 0, "max-age=0"),
    ("hsts", True, "max-age=63072000"),
    ("hsts", "true", "max-age=63072000"),
    ("hsts", False, None),
    ("hsts", "none", None),
    ("hsts", " max-age=5;includeSubDomains ; preload", "max-age=5; includeSubDomains; preload"),
    ("https_redirect", "80", 80),
    ("use_colors", None, None),
    ("access_log", 0, False),
]


@pytest.mark.parametrize(("name", "raw", "value"), ACCEPTED)
def test_accepted(name: str, raw: object, value: object) -> None:
    assert convert(BY_NAME[name], raw, name) == value


@pytest.mark.parametrize(("name", "raw", "value"), ACCEPTED)
def test_what_was_accepted_once_is_accepted_again(name: str, raw: object, value: object) -> None:
    assert convert(BY_NAME[name], convert(BY_NAME[name], raw, name), name) == value


@pytest.mark.parametrize("word", sorted(TRUE | FALSE))
def test_words_for_yes_and_no(word: str) -> None:
    assert convert(BY_NAME["factory"], word, "") is (word in TRUE)
    assert convert(BY_NAME["factory"], f" {word.upper()}", "") is (word in TRUE)


PORT = "a whole number from 0 to 65535"


@pytest.mark.parametrize(
    ("name", "raw", "words"),
    [
        ("port", "http", f"'http' is not {PORT}"),
        ("hsts", "main:app", "'main:app' is not a number of seconds, or a value such as"),
        ("hsts", "preload", "'preload' is not a number of seconds"),
        ("hsts", "max-age=1; max-age=2", "is not a number of seconds"),
        ("hsts", "max-age=1\r\nX: y", "is not a number of seconds"),
        ("hsts", -1, "-1 is not a number of seconds"),
        ("port", "65536", f"'65536' is not {PORT}"),
        ("port", "-1", f"'-1' is not {PORT}"),
        ("port", "8000.0", f"'8000.0' is not {PORT}"),
        ("port", 8000.0, f"8000.0 is not {PORT}"),
        ("port", True, f"True is not {PORT}"),
        ("port", None, f"None is not {PORT}"),
        ("port", "", f"'' is not {PORT}"),
        ("port", "none", f"'none' is not {PORT}"),
        ("port", "1" * 5000, f"...{''} is not {PORT}"),
        ("port", "1\n2", rf"'1\n2' is not {PORT}"),
        ("port", "tcp://10.0.0.1:80", "enableServiceLinks"),
        ("fd", -1, "-1 is not a whole number from 0 to 2147483647, or none"),
        ("limit_fields", 0, "0 is not a whole number of at least 1"),
        ("limit_concurrency", "0", "'0' is not a whole number of at least 1, or none"),
        ("timeout_head", "soon", "'soon' is not a number of seconds of at least 0"),
        ("timeout_head", -0.5, "-0.5 is not a number of seconds of at least 0"),
        ("timeout_head", "nan", "'nan' is not a number of seconds of at least 0"),
        ("timeout_head", float("inf"), "inf is not a number of seconds of at least 0"),
        ("timeout_head", False, "False is not a number of seconds of at least 0"),
        ("timeout_head", [], "[] is not a number of seconds of at least 0"),
        ("access_log", "maybe", "'maybe' is not true or false (also 1, 0, yes, no, on, off)"),
        ("access_log", 2, "2 is not true or false (also 1, 0, yes, no, on, off)"),
        ("access_log", "", "'' is not true or false (also 1, 0, yes, no, on, off)"),
        ("lifespan", "maybe", "'maybe' is not one of auto, on, off"),
        ("lifespan", True, "True is not one of auto, on, off"),
        ("loop", "fast", "'fast' is not one of auto, uvloop, asyncio, none, zuvloop, or module:"),
        ("loop", "module:", "'module:' is not one of auto,"),
        ("http", "h3", "'h3' is not one of auto, h11, httptools, zttp, or module:attribute"),
        ("log_level", "loud", "'loud' is not one of critical, error, warning, info, debug, trace,"),
        ("log_level", True, "True is not one of critical,"),
        ("log_level", -1, "-1 is not one of critical,"),
        ("log_config", "missing.json", "'missing.json' is not a file that exists"),
        ("log_config", "", "'' is not a file that exists"),
        ("env_file", ".", "'.' is not a file that exists"),
        ("env_file", 3, "3 is not a file that exists"),
        ("uds_mode", "rw", "'rw' is not permissions in octal, such as 660"),
        ("uds_mode", "888", "'888' is not permissions in octal, such as 660"),
        ("uds_mode", "1777", "'1777' is not permissions in octal, such as 660"),
        ("uds_mode", 666, "666 is not permissions in octal, such as 660"),
        ("uds_owner", "a:b:c", "'a:b:c' is not a user, user:group or :group"),
        ("uds_owner", ":", "':' is not a user, user:group or :group"),
        ("root_path", 3, "3 is not text"),
        ("root_path", "a\0b", r"'a\x00b' is not text"),
        ("bind", "8000", "'8000' has no port; write host:port"),
        ("bind", ["[::1]:80", "::1:80"], "'::1:80' is ambiguous"),
        ("bind", [8000], "8000 is not a text that says something"),
        ("bind", 8000, "8000 is not a list of texts"),
        ("reload_dirs", [""], "'' is not a text that says something"),
        ("forwarded_allow_ips", "10.0.0.1/8", "'10.0.0.1/8' is not an address, a network"),
        ("forwarded_allow_ips", "127.0.0", "'127.0.0' is not an address"),
        ("forwarded_allow_ips", "::1, ::g/64", "'::g/64' is not an address"),
        ("forwarded_allow_ips", ["::1", 3], "3 is not an address"),
        ("forwarded_allow_ips", 3, "3 is not a list of addresses and networks"),
        ("forwarded_allow_ips", "*,::1", "`*` trusts everyone, so it must stand alone"),
        ("headers", ["X-A"], "'X-A' is not a field as Name:Value"),
        ("headers", "X-A", "'X-A' is not a field as Name:Value"),
        ("headers", ["X A:1"], "'X A:1' is not a field as Name:Value, with a name of letters"),
        ("headers", [":1"], "':1' is not a field as Name:Value, with a name of letters"),
        ("headers", [("X-A", "1\r\nX-B: 2")], "without control characters"),
        ("headers", [("X-A", "\u20ac")], "without control characters"),
        ("headers", [("X-A", 1)], "('X-A', 1) is not a field as Name:Value"),
        ("headers", [("X-A", "1", "2")], "is not a field as Name:Value"),
        ("headers", 3, "3 is not a list of Name:Value"),
        ("callback_notify", "function", "'function' is not something to call"),
    ],
)
def test_refused(name: str, raw: object, words: str) -> None:
    assert words in refusal(name, raw)


def test_a_long_value_is_cut() -> None:
    assert len(refusal("port", "x" * 10_000)) < 200


def test_a_secret_is_never_shown() -> None:
    assert refusal("ssl_keyfile_password", 12345) == "the value is not text"


def test_objects_pass_where_programs_hand_them_in() -> None:
    loop = object()
    assert convert(BY_NAME["loop"], loop, "loop") is loop
    for source in (configparser.RawConfigParser(), io.StringIO("[loggers]")):
        assert convert(BY_NAME["log_config"], source, "log_config") is source


@pytest.mark.parametrize("name", ["log_config", "env_file", "config"])
def test_a_file_may_be_a_path(name: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file.toml"
    path.touch()
    assert convert(BY_NAME[name], path, name) == str(path)


JUNK = [object(), b"bytes", 1.5, {"a": 1}, [object()], "\0", "\ud800"]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda o: o.name)
def test_nothing_but_a_config_error_comes_out(option: Option) -> None:
    for junk in JUNK:
        try:
            convert(option, junk, "somewhere")
        except ConfigError as error:
            assert str(error).startswith("somewhere: ")
            assert "\n" not in str(error)
