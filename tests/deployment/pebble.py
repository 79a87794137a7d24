"""Pebble: Let's Encrypt's server for tests, with a name server that finds every name here."""

import json
import ssl
import urllib.request

import trustme

from tests.deployment.machine import Machine
from tests.support.places import free_port
from tests.support.tools import need_tool
from tests.support.wait import wait_for


class Pebble:
    """Signs certificates for names whose challenge it finds on port ``http`` of this machine."""

    def __init__(self, machine: Machine, http: int) -> None:
        self.authority = machine.root / "pebble-authority.pem"
        made = trustme.CA()
        made.cert_pem.write_to_path(str(self.authority))
        own = machine.root / "pebble.pem"
        made.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(own))
        self.port, self.management, names = free_port(), free_port(), free_port()
        settings = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": str(own),
            "privateKey": str(own),
            "httpPort": http,
            "tlsPort": free_port(),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
        }
        file = machine.root / "pebble.json"
        file.write_text(json.dumps({"pebble": settings}))
        nothing = ' -http01 "" -https01 "" -tlsalpn01 "" -defaultIPv4 127.0.0.1 -defaultIPv6 ""'
        ports = f"-dns01 127.0.0.1:{names} -management 127.0.0.1:{free_port()}"
        machine.start(f"{need_tool('pebble-challtestsrv')} {ports}{nothing}")
        command = f"{need_tool('pebble')} -config {file} -dnsserver 127.0.0.1:{names}"
        env = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}
        self.server = machine.start(command, **env)
        wait_for(self.answers, what="Pebble")

    @property
    def directory(self) -> str:
        return f"https://localhost:{self.port}/dir"

    def answers(self) -> bool:
        try:
            return bool(self.read(self.directory) and self.root())
        except OSError:
            return False

    def proofs(self) -> int:
        """How often it has found a challenge."""
        return self.server.output().count("set VALID by completed challenge")

    def root(self) -> str:
        """What clients have to trust."""
        return self.read(f"https://localhost:{self.management}/roots/0")

    def read(self, url: str) -> str:
        context = ssl.create_default_context(cafile=str(self.authority))
        handler = urllib.request.HTTPSHandler(context=context)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}), handler)
        with direct.open(url, timeout=10) as answer:
            text: str = answer.read().decode()
            return text
