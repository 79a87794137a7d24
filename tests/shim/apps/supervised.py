"""A program with classes of its own, and Uvicorn's supervisors; NiceGUI is built like it."""

import multiprocessing
import os
import sys
import threading

import uvicorn
import versions
from uvicorn.supervisors import ChangeReload, Multiprocess


def say(text):
    """In one piece: other processes write to the same stream."""
    os.write(1, f"{text}\n".encode())


class Config(uvicorn.Config):
    secret = "no secret"
    queue = None


class Server(uvicorn.Server):
    def run(self, sockets=None):
        say(f"run with {self.config.secret} {multiprocessing.current_process().name}")
        if self.config.queue is not None:
            self.config.queue.put(self.config.secret)
        versions.secret = self.config.secret
        super().run(sockets=sockets)

    async def shutdown(self, sockets=None):
        say("shutdown of the subclass")
        await super().shutdown(sockets)


def function(sockets):
    say("called as a function")
    uvicorn.Server(uvicorn.Config(versions.app)).run(sockets=sockets)


def main(way):
    config = Config("versions:app", port=0, workers=2, reload=way.startswith("reload"))
    config.secret = "a secret"
    sockets = [config.bind_socket()]
    target = Server(config).run
    if way == "workers":
        Multiprocess(config, target=target, sockets=sockets).run()
    elif way == "queue":
        config.queue = multiprocessing.get_context("spawn").Queue()
        parent = Multiprocess(config, target=target, sockets=sockets)

        def stop_when_both_have_come():
            say(f"got {config.queue.get()} {config.queue.get()}")
            parent.should_exit.set()

        threading.Thread(target=stop_when_both_have_come).start()
        parent.run()
        say("returned")
    elif way == "no-target":
        Multiprocess(config, sockets).run()
    elif way == "function":
        Multiprocess(config, target=function, sockets=sockets).run()
    elif way == "reload":
        ChangeReload(config, target=target, sockets=sockets).run()
    elif way == "reload-function":
        ChangeReload(config, target=function, sockets=sockets).run()


if __name__ == "__main__":
    main(sys.argv[1])
