"""`./dev testssl`: testssl.sh looks at a server over TLS, and finds nothing but remarks.

It takes minutes, as it asks thousands of times. Its whole report is shown.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.support.server import serve
from tricorn.serve.dev_certificate import ensure

# As it is called by itself, and by Debian.
NAMES = ("testssl.sh", "testssl")
PATIENCE = 1800.0  # seconds
# What an authority of one's own and the name localhost can't have, and what only an app can send.
REMARKS = {
    "cert_revocation",
    "cert_trust",
    "cert_chain_of_trust",
    "DNS_CAArecord",
    "security_headers",
}
FINE = {"OK", "INFO", "DEBUG"}


def main() -> int:
    """Run it; return the exit code."""
    program = next((path for name in NAMES if (path := shutil.which(name))), None)
    if program is None:
        print("testssl: testssl.sh isn't on PATH; on Debian: apt install testssl.sh")
        return 2
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        files = ensure((), place).files
        options = ("--ssl-certfile", str(files.certificate), "--ssl-keyfile", str(files.key))
        with serve("plain:app", *options, "--hsts", "--lifespan", "off") as server:
            report = place / "report.json"
            command = [program, "--color", "0", "--warnings", "batch", "--ip", "127.0.0.1"]
            command += ["--add-ca", str(files.authority), "--jsonfile", str(report)]
            done = subprocess.run([*command, f"localhost:{server.port}"], timeout=PATIENCE)
        findings: list[dict[str, Any]] = json.loads(report.read_text())
    found = [one for one in findings if one["severity"] not in FINE | {"WARN"}]
    bad = [one for one in found if one["id"].partition(" ")[0] not in REMARKS]
    for one in found:
        kind = "FAILED" if one in bad else "remark"
        print(f"{kind} {one['id']} ({one['severity']}): {one['finding']}")
    print(f"{len(findings)} findings, {len(found) - len(bad)} remarks, {len(bad)} failures")
    if len(findings) < 50:
        print(f"testssl.sh ended early, with {done.returncode}")
        return 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
