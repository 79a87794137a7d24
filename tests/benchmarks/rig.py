"""The benchmarks' scenarios and servers by their keys, and what their programs need."""

import shutil
import sys

import pytest

from benchmarks.scenarios import SCENARIOS
from benchmarks.servers import SERVERS

SCENARIO = {scenario.key: scenario for scenario in SCENARIOS}
SERVER = {server.key: server for server in SERVERS}
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
