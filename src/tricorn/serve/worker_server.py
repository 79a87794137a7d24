"""A server that reports to the parent which started its process, and does what that says."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import logging
import math
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

from tricorn.product import product_logger
from tricorn.serve.identity import Identity
from tricorn.serve.memory import resident_memory
from tricorn.serve.program import Config
from tricorn.serve.report import (
    ASK,
    BEAT,
    DUMP,
    EXPLAINED,
    GIVE_WAY,
    HUSH,
    LEAVING,
    NOTICE,
    READY,
    STACKS,
    TELL,
)
from tricorn.serve.server import TICK, Server
from tricorn.serve.stacks import log_stacks

logger = product_logger("error")

# Seconds between two signs of life, and between two looks at the memory.
_BEAT_EVERY: Final = 1.0
_ANSWER_WITHIN: Final = 2.0
# Seconds for which a worker that has a successor waits for what clients still send.
_PATIENCE: Final = 10.0


class Channel:
    """The worker's side of the channel. Never blocks, except in `may_tell`."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.answer: bytes | None = None
        self.answered = threading.Event()
        self.loop: asyncio.AbstractEventLoop | None = None
        # The server stops soon, which may be said before there is anybody to do something.
        self.noticed = False
        self.notice: Callable[[], object] | None = None
        self.succeeded = False  # another worker serves in this one's place

    def say(self, word: bytes) -> None:
        """Tell the parent; one that doesn't read misses it, one that is gone doesn't care."""
        with contextlib.suppress(OSError):
            self.sock.send(word, socket.MSG_DONTWAIT)

    def may_tell(self) -> bool:
        """Ask whether to say why this worker fails; another may have said the same."""
        self.answered.clear()
        self.say(ASK)
        return not self.answered.wait(_ANSWER_WITHIN) or self.answer != HUSH

    def listen(self) -> None:
        """Do what the parent says; in a thread of its own, as the loop may hang."""
        while True:
            try:
                words = self.sock.recv(64)
            except OSError:
                words = b""
            if not words:
                # The parent is gone, and nobody else would ever end this process.
                os.kill(os.getpid(), signal.SIGTERM)
                self.sock.close()
                return
            for word in (words[at : at + 1] for at in range(len(words))):
                if word == DUMP:
                    log_stacks(logger, self.loop)
                    self.say(EXPLAINED)
                elif word == GIVE_WAY:
                    self.succeeded = True
                    os.kill(os.getpid(), signal.SIGTERM)
                elif word == NOTICE:
                    self.noticed = True
                    if self.notice is not None:
                        self.notice()
                elif word in (TELL, HUSH):
                    self.answer = word
                    self.answered.set()


class StartupFilter(logging.Filter):
    """Lets the first failed worker say why, and not the others that fail the same way."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self.channel = channel
        self.decided: bool | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        """Ask the parent once, at the first error."""
        if record.levelno < logging.ERROR:
            return True
        if self.decided is None:
            self.decided = self.channel.may_tell()
        return self.decided


class WorkerServer(Server):
    """A server that reports."""

    def __init__(self, config: Config, channel: Channel, silencer: logging.Filter) -> None:
        super().__init__(config)
        self.report_to(channel, silencer)

    def report_to(self, channel: Channel, silencer: logging.Filter) -> None:
        """Tell the parent at the other end of `channel` how it goes."""
        self.channel = channel
        channel.notice = self.notice
        if channel.noticed:
            self.notice()
        self.silencer = silencer
        self.leaving = False
        # A sign of life each second, or more often where the parent is less patient.
        patience = self.config.timeout_worker_healthcheck or math.inf
        self.beat_ticks = max(round(min(_BEAT_EVERY, patience / 4) / TICK), 1)
        self.owns_process = True
        self.delays_stop = False
        self.names_places = False

    def _settle(self, identity: Identity) -> None:
        """Do nothing: the parent has, and the worker is its child."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so when the app has started and connections are accepted."""
        self.channel.loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            logger.removeFilter(self.silencer)
            self.channel.say(READY)

    async def on_tick(self, counter: int) -> bool:
        """Give the sign of life too."""
        if counter % self.beat_ticks == 0:
            self.channel.say(BEAT)
            most = self.config.limit_worker_memory
            if most is not None and resident_memory() > most:
                self.retire(f"it holds more than {most} bytes of memory")
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; without haste where others serve meanwhile."""
        service = self.server_state.service
        if service is not None and self.channel.succeeded:
            limit = self.config.timeout_graceful_shutdown
            service.patience = _PATIENCE if limit is None else min(_PATIENCE, limit / 2)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; a further SIGTERM means that nobody serves meanwhile any more."""
        service = self.server_state.service
        if self.should_exit and sig == signal.SIGTERM and service is not None and service.patience:
            service.patience = 0.0
            service.loop.call_soon_threadsafe(service.shut_connections, _PATIENCE)
        super().handle_exit(sig, frame)

    def retire(self, why: str) -> bool:
        """Ask for a replacement, and serve until it is there."""
        if not self.leaving:
            self.leaving = True
            self.channel.say(LEAVING + why.encode() + b"\n")
        return False


def obey(channel: Channel) -> logging.Filter:
    """Begin to do what the parent says. Returns the filter of what is said of a failed start."""
    _explain_crashes()
    threading.Thread(target=channel.listen, name="tricorn-parent", daemon=True).start()
    silencer = StartupFilter(channel)
    logger.addFilter(silencer)
    return silencer


def take_signals(server: Server) -> None:
    """Have SIGQUIT end the server without finishing."""

    def quit_now(number: int, frame: FrameType | None) -> None:
        server.should_exit = server.force_exit = True

    signal.signal(signal.SIGQUIT, quit_now)


def _explain_crashes() -> None:
    """Have the system's signal handler write stacks where Python code can't run."""
    if sys.__stderr__ is None:
        return
    with contextlib.suppress(OSError, ValueError):
        if not faulthandler.is_enabled():
            faulthandler.enable(sys.__stderr__)
        if STACKS:
            faulthandler.register(STACKS, sys.__stderr__)
