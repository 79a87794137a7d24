"""sslyze compares a server with Mozilla's intermediate profile."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.server import serve
from tests.support.tools import need_tool
from tricorn.serve import dev_certificate
from tricorn.serve.dev_certificate import ensure

VERDICT = "COMPLIANCE AGAINST TLS CONFIGURATION"
# No weaker than those of the profile; Python's ssl module can't leave a curve out.
CURVES = {"secp521r1", "X448"}
TOO_MANY_CURVES = re.compile(r"\* tls_curves: TLS curves \{(.*)\} are supported, but should be .*")


def complaints(text: str, place: str) -> list[str]:
    """What the last section of sslyze's output has against the place, remarks excepted."""
    lines = [line.strip() for line in text.partition(VERDICT)[2].splitlines()]
    (head,) = [line for line in lines if line.startswith(f"{place}:")]
    assert head.endswith(("FAILED - Not compliant.", "OK - Compliant.")), text
    found = []
    for line in lines:
        curves = TOO_MANY_CURVES.fullmatch(line)
        if curves is not None and {name.strip(" '") for name in curves[1].split(",")} <= CURVES:
            continue
        if line.startswith("*"):
            found.append(line)
    return found


def test_sslyze_finds_nothing_but_remarks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sslyze = need_tool("sslyze")
    # The profile wants no certificate that is valid for longer than a year.
    monkeypatch.setattr(dev_certificate, "_DAYS", 90)
    files = ensure((), tmp_path).files
    options = ("--ssl-certfile", str(files.certificate), "--ssl-keyfile", str(files.key))
    with serve("plain:app", *options, "--lifespan", "off") as server:
        place = f"localhost:{server.port}"
        # It mustn't try ::1 first, where nobody listens.
        command = [sslyze, f"--certinfo_ca_file={files.authority}"]
        command += ["--mozilla_config=intermediate", f"localhost:{server.port}{{127.0.0.1}}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert VERDICT in done.stdout, done.stdout + done.stderr
    assert complaints(done.stdout, place) == [], done.stdout
