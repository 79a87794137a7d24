"""Sockets and asyncio: addresses, transports, one protocol class a wire, deadlines."""
