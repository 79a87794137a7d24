"""The names, and the wheel that puts them in front of an installed Uvicorn."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.shim.in_front import SHIM, in_front

EVERY_MODULE = """
import importlib, pkgutil, sys, uvicorn
assert uvicorn.__file__.startswith(sys.argv[1]), uvicorn.__file__
for module in pkgutil.walk_packages(uvicorn.__path__, "uvicorn."):
    if module.name not in ("uvicorn.__main__", "uvicorn.workers"):
        found = importlib.import_module(module.name)
        for name in getattr(found, "__all__", ()):
            getattr(found, name)
"""
WHAT_PROGRAMS_DO = """
import asyncio, pickle, tricorn, uvicorn
from uvicorn.config import LOGGING_CONFIG, LOOP_FACTORIES
from uvicorn.importer import import_from_string
from uvicorn.lifespan.on import LifespanOn
from uvicorn.main import STARTUP_FAILURE, Server
from uvicorn.middleware.proxy_headers import _TrustedHosts
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import get_client_addr, get_path_with_query_string

assert STARTUP_FAILURE == 3 and Server is uvicorn.Server is tricorn.Server
assert set(LOGGING_CONFIG["loggers"]) == {"uvicorn", "uvicorn.error", "uvicorn.access"}
assert set(LOOP_FACTORIES) >= {"none", "auto", "asyncio", "uvloop"}
assert get_client_addr({"client": ("10.0.0.1", 80)}) == "10.0.0.1:80"
assert import_from_string(int) is int and "10.0.0.1" in _TrustedHosts("10.0.0.0/8")
assert get_path_with_query_string({"path": "/a b", "query_string": b"c=d"}) == "/a%20b?c=d"

async def app(scope, receive, send):
    for _ in range(2):
        message = await receive()
        await send({"type": message["type"] + ".complete"})

class Config(uvicorn.Config):
    secret = "kept"

config = Config(app, "127.0.0.1", 0, http=H11Protocol, log_config=LOGGING_CONFIG)
assert (config.product, config.secret) == ("uvicorn", "kept")

async def run():
    lifespan = LifespanOn(uvicorn.Config(app, lifespan="on"))
    await lifespan.startup()
    assert not lifespan.should_exit
    await lifespan.shutdown()
    assert not lifespan.should_exit

asyncio.run(run())
"""


def python(code: str, *args: str, env: dict[str, str], flags: Sequence[str] = ()) -> None:
    command = [sys.executable, *flags, "-W", "error", "-c", code, *args]
    done = subprocess.run(
        command, env={**os.environ, **env}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_every_module_can_be_imported() -> None:
    python(EVERY_MODULE, str(SHIM), env=in_front())


def test_what_programs_do_with_the_names() -> None:
    python(WHAT_PROGRAMS_DO, env=in_front())


def test_gunicorns_workers_have_the_name() -> None:
    pytest.importorskip("gunicorn")
    code = "from uvicorn.workers import *; assert UvicornH11Worker.CONFIG_KWARGS['http'] == 'h11'"
    python(code, env=in_front())


def test_the_wheel_stands_in_front(tmp_path: Path) -> None:
    pytest.importorskip("setuptools")
    source = tmp_path / "shim"
    # Other tests make those meanwhile.
    shutil.copytree(SHIM, source, ignore=shutil.ignore_patterns("__pycache__"))
    site = tmp_path / "site-packages"
    # What pip would call, into an environment that has an Uvicorn already.
    build = "import sys; from setuptools.build_meta import *; build_wheel(sys.argv[1])"
    command = [sys.executable, "-c", build, str(tmp_path)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (site / "uvicorn").mkdir(parents=True)
    (site / "uvicorn" / "__init__.py").write_text("raise SystemExit('the other one')")
    shutil.unpack_archive(next(tmp_path.glob("*.whl")), site, "zip")
    # Python as it starts in that environment; what tricorn needs is in this one.
    folders = [str(site), sysconfig.get_path("purelib")]
    begin = f"import site; [site.addsitedir(one) for one in {folders!r}]\n"
    python(
        begin + EVERY_MODULE,
        str(site / "tricorn_uvicorn"),
        env={"PYTHONPATH": in_front()["PYTHONPATH"].partition(":")[2]},
        flags=["-S"],
    )
