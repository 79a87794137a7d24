"""Leaf: what an app awaits for its next message.

The compiled twin, `receiving.pyx`, is the same coroutine written out by hand: its steps needn't
keep the interpreter's state for an `await` of any kind, nor its end be an exception.
"""

from __future__ import annotations

from typing import Any

from tricorn.asgi.call import AppCall
from tricorn.asgi.handover import Handover


class Receiver(AppCall):
    """A call of an app that is handed messages."""

    def take_message(self) -> Any:
        """Return the next message, or None while there is none. Raises what `receive()` does."""
        raise NotImplementedError

    def wait_for_message(self) -> Handover:
        """Return the wait that ends when there may be one."""
        raise NotImplementedError


async def receiving(receiver: Receiver) -> Any:
    """Return the next message, once there is one."""
    while (message := receiver.take_message()) is None:
        await receiver.wait_for_message()
    return message
