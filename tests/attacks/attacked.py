"""A server under attack, in a process of its own, and what it costs."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.http2 import Http2Client
from tests.support.raw import RawClient
from tests.support.server import Server
from tests.support.wait import DEADLINE, wait_for

HERE = Path(__file__).parent
QUICK = ("--no-access-log", "--lifespan", "off")
# At the end of a test: its clients are gone, and apps that hang on are not waited for.
DRAIN = ("--timeout-graceful-shutdown", "1")


class Victim:
    """The server, with a look at its memory, its time and its descriptors."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.proc = Path("/proc") / str(server.pid)
        self.stopped = False  # by the test, or it may be busy: not asked again at the end

    def terminate(self) -> None:
        self.stopped = True
        self.server.process.send_signal(signal.SIGTERM)

    def connect(self, deadline: float = DEADLINE) -> RawClient:
        return self.server.connect(deadline)

    def connect_http2(self, *settings: tuple[int, int], allows: bool = True) -> Http2Client:
        """With these settings; one that doesn't allow opens no window again."""
        address = (self.server.host, self.server.port)
        return Http2Client(address, allows=allows).start(dict(settings))

    def get(self, target: str = "/") -> bytes:
        with self.connect() as client:
            response = client.get(target, "Connection: close")
            assert response.status == 200, response
            return response.body

    def count(self) -> int:
        """How often the app has been called."""
        return int(self.get("/count"))

    def memory(self) -> int:
        """Bytes of memory that the process has for itself."""
        lines = (self.proc / "smaps_rollup").read_text().splitlines()
        private = [line.split() for line in lines if line.startswith("Private_")]
        return sum(int(line[1]) << 10 for line in private)

    def peak(self) -> int:
        """The most bytes that were resident since `forget_peak`."""
        status = (self.proc / "status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) << 10

    def forget_peak(self) -> int:
        """Begin to look for a new peak; what is resident now."""
        (self.proc / "clear_refs").write_text("5")
        return self.peak()

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        fields = (self.proc / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self) -> int:
        return len(os.listdir(self.proc / "fd"))

    def settled(self, descriptors: int) -> None:
        """Waits until it holds no more descriptors than before."""
        wait_for(lambda: self.descriptors() <= descriptors, what="descriptors to be closed")


# For what lies above the transports.
one_transport = pytest.mark.parametrize("transport", ["hub"])


def until_over(client: RawClient, since: float) -> float:
    """Waits until the server closes the connection; how long after ``since``, in seconds.

    Take ``since`` before what the server's clock starts at, so that a busy machine can make
    the time longer, and never shorter.
    """
    wait_for(client.is_closed, what="the server to close")
    return time.monotonic() - since
