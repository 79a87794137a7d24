"""System packages that the tests and the build need."""

import os
import shlex
import shutil

from scripts.pythons import Python
from scripts.running import attempt, die

# Program -> the Debian packages that bring it. The only list of system packages.
TOOLS = {
    "gcc": ["gcc", "libc6-dev"],  # compiles the hot modules
    "curl": ["curl"],  # a real client
    "h2load": ["nghttp2-client"],  # HTTP/2: load
    "nghttp": ["nghttp2-client"],  # HTTP/2: a real client
    "nginx": ["nginx"],  # a real proxy
    "haproxy": ["haproxy"],  # another, with the PROXY protocol
    "caddy": ["caddy"],  # another one
    "certbot": ["certbot"],  # certificates, and their renewal
    "pebble": ["pebble"],  # who signs them; it brings pebble-challtestsrv
    "wrk": ["wrk"],  # load for the benchmarks
    "chromium": ["chromium"],  # the demo page in a browser
    "chromedriver": ["chromium-driver"],
    "systemd-socket-activate": ["systemd"],  # socket activation, without systemd as process 1
    "unshare": ["util-linux"],  # a process 1 as in a container
    "openssl": ["openssl"],  # makes certificates for the tests
}


def need_tools(pythons: list[Python], without: bool) -> None:
    """Installs the Debian packages that are missing, or says which ones are."""
    missing = [name for name in TOOLS if shutil.which(name) is None]
    packages = [package for name in missing for package in TOOLS[name]]
    for python in pythons:
        packages += [] if python.headers else [f"python{python.minor}-dev"]
        packages += [] if python.venv else [f"python{python.minor}-venv"]
    if not packages:
        return
    if without and all(python.headers and python.venv for python in pythons):
        print(f"dev: goes on without {', '.join(missing)}", flush=True)
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        die(
            f"missing: {' '.join(missing) or 'headers of Python'}. Install them and run this again,"
            f" on Debian: sudo {shlex.join(install)}\n"
            "     Or skip the tests that need a missing tool: ./dev test --without-tools"
        )
    attempt(["apt-get", "update", "-q"])
    if attempt(install, DEBIAN_FRONTEND="noninteractive"):
        die(f"apt-get could not install {' '.join(packages)}; install them and run this again")
