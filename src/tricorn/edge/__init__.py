"""What a proxy would do, as plain ASGI: trusted forwarding headers. Usable without the server."""
