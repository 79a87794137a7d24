"""The ways in which a program of its own starts Uvicorn."""

import asyncio
import contextlib
import signal
import sys
import threading
import time

import uvicorn
from uvicorn.config import LOGGING_CONFIG
from versions import app


class InThread(uvicorn.Server):
    """As Gradio has it."""

    def install_signal_handlers(self):
        pass

    @contextlib.contextmanager
    def running(self):
        thread = threading.Thread(target=self.run, daemon=True)
        thread.start()
        while not self.started and thread.is_alive():
            time.sleep(0.01)
        try:
            yield self.servers[0].sockets[0].getsockname()[1]
        finally:
            self.should_exit = True
            thread.join()


def by_run():
    LOGGING_CONFIG["formatters"]["access"]["fmt"] = "changed %(levelprefix)s %(status_code)s"
    uvicorn.run(app, port=0)


def with_workers():
    LOGGING_CONFIG["formatters"]["access"]["fmt"] = "changed %(levelprefix)s %(status_code)s"
    uvicorn.run("versions:app", port=0, workers=2)


async def serve():
    await uvicorn.Server(uvicorn.Config(app, port=0, log_level="info")).serve()


def in_loop():
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())


def in_thread():
    # Before anything is said: whoever hears it may send the signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    server = InThread(uvicorn.Config(app, port=0))
    server.install_signal_handlers = lambda: None
    with server.running() as port:
        print("in a thread, port", port, flush=True)
        signal.sigwait({signal.SIGTERM})


if __name__ == "__main__":
    {"run": by_run, "workers": with_workers, "loop": in_loop, "thread": in_thread}[sys.argv[1]]()
