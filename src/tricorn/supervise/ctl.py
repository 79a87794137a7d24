"""`tricorn ctl`: asks a running server how it is, and tells it what to do."""

from __future__ import annotations

import json
import socket
from typing import Any

import click

_PATIENCE = 10.0  # seconds

_control = click.option(
    "--control",
    envvar=("TRICORN_CONTROL", "UVICORN_CONTROL"),
    metavar="PATH",
    required=True,
    help="The server's control socket: what it was given as --control.",
)


@click.group("ctl", context_settings={"help_option_names": ["--help"]})
def ctl() -> None:
    """Talk to a server that was started with `--control PATH`."""


@ctl.command()
@_control
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def status(control: str, as_json: bool) -> None:
    """Show the workers."""
    answer = ask(control, {"do": "status"})
    click.echo(json.dumps(answer, indent=2) if as_json else table(answer))


@ctl.command()
@_control
def reload(control: str) -> None:
    """Replace all workers, one after the other, as SIGHUP does."""
    ask(control, {"do": "reload"})


@ctl.command()
@_control
@click.argument("workers", type=click.IntRange(min=1), metavar="N")
def scale(control: str, workers: int) -> None:
    """Have N workers."""
    ask(control, {"do": "scale", "to": workers})


@ctl.command()
@_control
def stop(control: str) -> None:
    """Drain and stop, as SIGTERM does."""
    ask(control, {"do": "stop"})


def ask(path: str, request: dict[str, Any]) -> dict[str, Any]:
    """Send one request and return the answer. Raises `click.ClickException` without one."""
    if not hasattr(socket, "AF_UNIX"):
        raise click.ClickException("this system has no Unix sockets, so no server has --control")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(_PATIENCE)
            sock.connect(path)
            sock.sendall(json.dumps(request).encode() + b"\n")
            data = b"".join(iter(lambda: sock.recv(65536), b""))
        answer = json.loads(data)
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise click.ClickException(
            f"no server answers at {path}: {reason}; is it running with --control {path}?"
        ) from None
    except ValueError:
        raise click.ClickException(f"what answers at {path} isn't a tricorn server") from None
    if "error" in answer:
        raise click.ClickException(str(answer["error"]))
    found: dict[str, Any] = answer
    return found


def table(status: dict[str, Any]) -> str:
    """The status for people."""
    doing = (
        "stopping" if status["stopping"] else "restarting" if status["restarting"] else "serving"
    )
    ready = sum(worker["stage"] == "ready" for worker in status["workers"])
    lines = [
        f"Server {status['pid']}, {doing}, {ready} of {status['wanted']} workers ready, "
        f"up {_time(status['seconds'])}",
        f"{'worker':>6}  {'pid':>8}  {'stage':<9}  {'for':>8}  {'memory':>9}",
    ]
    for worker in status["workers"]:
        memory = worker["memory"]
        size = "" if memory is None else f"{memory / 2**20:.1f} MiB"
        lines.append(
            f"{worker['number']:>6}  {worker['pid']:>8}  {worker['stage']:<9}"
            f"  {_time(worker['seconds']):>8}  {size:>9}"
        )
    return "\n".join(lines)


def _time(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


__all__ = ["ask", "ctl", "table"]
