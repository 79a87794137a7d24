"""Workers out of a fork server: the parent's side of `--preload`.

A restart starts a second fork server with the code as it is now. The first stays until the
second has imported the app, and takes over again when that fails; after that it only tells of
the ends of its workers, and goes with the last of them.
"""

from __future__ import annotations

import contextlib
import signal
import socket
from collections import deque

from tricorn.serve.report import EXITED, FORKED, IMPORTED, REPLY, REQUEST, STARTUP_FAILURE
from tricorn.supervise.orders import Standing
from tricorn.supervise.supervisor import Supervisor
from tricorn.supervise.worker_process import WorkerProcess, start_python


class _ForkServer:
    """One fork server and its workers."""

    def __init__(self, process: WorkerProcess) -> None:
        self.process = process
        self.control = process.channel
        self.imported = False
        self.wanted: deque[WorkerProcess] = deque()  # asked for, and not forked yet
        self.children: dict[int, WorkerProcess] = {}

    def replies(self) -> list[tuple[bytes, int, int]]:
        """Return what it has said since."""
        data = self.process.received()
        whole = len(data) - len(data) % REPLY.size
        self.process.unread = data[whole:]
        return [REPLY.unpack_from(data, at) for at in range(0, whole, REPLY.size)]


class ForkLauncher:
    """Has workers forked; a `Launcher`."""

    def __init__(self, standing: Standing) -> None:
        self.standing = standing
        self.supervisor: Supervisor | None = None
        self.current: _ForkServer | None = None
        self.previous: _ForkServer | None = None  # until the current one has imported the app
        self.servers: list[_ForkServer] = []

    def attach(self, supervisor: Supervisor) -> None:
        """Take the supervisor, and start the import."""
        self.supervisor = supervisor
        self.current = self._begin()

    def start(self, number: int) -> WorkerProcess:
        """Ask for a worker. Raises OSError when no fork server can be had."""
        server = self.current
        if server is None:
            self.current = server = self._begin()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            try:
                socket.send_fds(server.control, [REQUEST.pack(number)], [theirs.fileno()])
            except OSError:
                ours.close()
                raise
        worker = WorkerProcess(ours)
        server.wanted.append(worker)
        return worker

    def cancel(self, worker: WorkerProcess) -> None:
        """Give a worker up that isn't forked yet: it will find its channel closed."""
        assert self.supervisor is not None
        for server in self.servers:
            if worker in server.wanted:
                server.wanted[server.wanted.index(worker)] = WorkerProcess(worker.channel)
        self.supervisor.over(worker.key, -signal.SIGTERM)

    def renew(self) -> None:
        """Begin to import the app anew."""
        self.standing.renew()
        if self.current is not None and self.current.imported:
            self.previous = self.current
        self.current = self._begin()

    def reopen_logs(self) -> None:
        """Have each fork server open its log files anew: workers to come write there, too."""
        for server in self.servers:
            server.process.signal(signal.SIGUSR1)

    def stop_listening(self) -> None:
        """Tell the fork servers that no more workers are wanted; they tell of ends until then."""
        for server in self.servers:
            with contextlib.suppress(OSError):
                server.control.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End the fork servers."""
        for server in self.servers:
            server.process.signal(signal.SIGKILL)
            server.process.close()
        self.servers.clear()

    def _begin(self) -> _ForkServer:
        assert self.supervisor is not None
        orders = self.standing.orders
        process = start_python("tricorn.serve.fork_server", ["tricorn-fork-server"], orders)
        server = _ForkServer(process)
        self.servers.append(server)
        self.supervisor.watch(server.control, lambda: self._heard(server))
        return server

    def _heard(self, server: _ForkServer) -> None:
        assert self.supervisor is not None
        for kind, pid, value in server.replies():
            if kind == IMPORTED:
                server.imported = True
                if server is self.current:
                    self.previous = None
            elif kind == FORKED:
                worker = server.wanted.popleft()
                worker.pid = pid
                server.children[pid] = worker
                if worker.key:
                    self.supervisor.known(worker)
            elif kind == EXITED:
                worker = server.children.pop(pid)
                self.supervisor.over(worker.key, value)
        if server.process.has_closed():
            self._lost(server)
        self._end_idle()

    def _lost(self, server: _ForkServer) -> None:
        """A fork server has ended, by itself or not."""
        assert self.supervisor is not None
        self.supervisor.unwatch(server.control)
        server.process.close()
        self.servers.remove(server)
        if server is self.current:
            self.current, self.previous = self.previous, None
        for worker in server.wanted:
            self.supervisor.over(worker.key, STARTUP_FAILURE)
        for worker in server.children.values():
            # Nobody can tell of their ends any more, so they have to end now.
            worker.signal(signal.SIGKILL)
            self.supervisor.over(worker.key, -signal.SIGKILL)

    def _end_idle(self) -> None:
        """Let fork servers go whose code is old and whose workers are gone."""
        assert self.supervisor is not None
        for server in list(self.servers):
            used = server in (self.current, self.previous) or server.children or server.wanted
            if not used:
                self.supervisor.unwatch(server.control)
                server.process.close()
                self.servers.remove(server)
