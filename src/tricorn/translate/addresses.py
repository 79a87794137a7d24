"""Addresses to listen on, from other servers' ways to write them to `--bind`'s."""

from __future__ import annotations

from tricorn.translate.errors import Untranslatable

PORT = "8000"  # of all five programs


def to_bind(text: str) -> str:
    """One address for `--bind`: with a port, and an IPv6 address in brackets."""
    text = text.strip().removeprefix("tcp://")
    if text.startswith("unix:"):
        return "unix:" + text.removeprefix("unix:").removeprefix("//")
    if text.startswith("fd://"):
        return text
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        return f"[{host}]:{port.removeprefix(':') or PORT}"
    host, colon, port = text.rpartition(":")
    if not colon or not _is_port(port):
        host, port = text.removesuffix(":") if text.count(":") == 1 else text, PORT
    if host.count(":") > 1:
        host = f"[{host}]"
    return f"{host or '0.0.0.0'}:{port}"


def _is_port(text: str) -> bool:
    return text.isdecimal() or text.startswith("$")


def to_binds(value: object) -> list[str]:
    """Several: a list, or one text with commas."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise Untranslatable(f"bind: {value!r} is no address and no list of addresses")
    return [to_bind(one) for text in value for one in text.split(",") if one.strip()]
