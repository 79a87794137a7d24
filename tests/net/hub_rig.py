"""A hub under a loop that the test turns by hand, over real sockets."""

import asyncio
import os
import socket
import time

from tricorn.net.hub import Hub


class Recorder:
    """A protocol that writes down what it is told."""

    def __init__(self):
        self.events = []
        self.received = b""
        self.transport = None
        self.keep_open = False
        self.within = 0  # depth of the hub's calls
        self.on_data = None
        self.on_made = None

    def connection_made(self, transport):
        self.transport = transport
        self.events.append("made")
        if self.on_made:
            self.on_made(transport)

    def data_received(self, data):
        assert data and type(data) is bytes
        self.within += 1
        self.received += data
        if self.on_data:
            self.on_data(data)
        self.within -= 1

    def eof_received(self):
        self.events.append("eof")
        return self.keep_open

    def pause_writing(self):
        self.events.append("pause")

    def resume_writing(self):
        self.events.append("resume")

    def connection_lost(self, error):
        assert not self.within, "connection_lost within data_received"
        self.events.append("lost" if error is None else f"lost: {type(error).__name__}")


class Place:
    """A hub under a loop that the test turns by hand, and its clients."""

    def __init__(self, loop, family, address):
        self.loop = loop
        self.hub = Hub(loop)
        self.listening = socket.socket(family)
        self.listening.bind(address)
        self.listening.listen(100)
        self.listening.setblocking(False)
        self.address = self.listening.getsockname()
        self.protocols = []
        self.make = Recorder
        self.listener = self.hub.listen(self.listening, self.protocol)
        self.clients = []

    def protocol(self):
        made = self.make()
        self.protocols.append(made)
        return made

    def dial(self):
        client = socket.socket(self.listening.family)
        client.settimeout(30)
        client.connect(self.address)
        self.clients.append(client)
        return client

    def connect(self):
        """A client, and the protocol that serves it."""
        count = len(self.protocols)
        client = self.dial()
        self.until(lambda: len(self.protocols) > count)
        return client, self.protocols[-1]

    def until(self, condition, deadline=30):
        async def wait():
            end = time.monotonic() + deadline
            while not condition():
                assert time.monotonic() < end, "it never came"
                await asyncio.sleep(0.001)

        self.loop.run_until_complete(wait())

    def turn(self):
        self.loop.run_until_complete(asyncio.sleep(0.01))

    def close(self):
        for client in self.clients:
            client.close()
        self.hub.unlisten(self.listener)
        self.hub.close()
        self.listening.close()


def fill(place, protocol, amount=8 << 20):
    """Write more than the system takes; what was written."""
    data = os.urandom(amount)
    protocol.transport.write(data)
    assert protocol.transport.get_write_buffer_size() > 0
    assert protocol.events[-1] == "pause"
    return data


def read_all(place, client, count):
    """Read so many bytes while the hub goes on."""
    client.settimeout(0)
    data = bytearray()

    def enough():
        try:
            while len(data) < count:
                piece = client.recv(1 << 20)
                if not piece:
                    return True
                data.extend(piece)
        except BlockingIOError:
            return False
        return True

    place.until(enough)
    return bytes(data)
