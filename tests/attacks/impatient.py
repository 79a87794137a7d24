"""`python -m tricorn`, but a client that is sent a close has one second to answer it, not ten."""

from functools import partial

from tricorn.cli import main
from tricorn.serve import components

components.WebSocketOptions = partial(components.WebSocketOptions, close=1.0)

main()
