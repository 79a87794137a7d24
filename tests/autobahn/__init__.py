"""Autobahn's WebSocket cases, run by kosoku.

The protocol cases are part of the test suite. The performance and compression groups take
minutes: `python -m tests.autobahn` runs them.
"""
