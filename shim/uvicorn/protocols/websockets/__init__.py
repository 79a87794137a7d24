"""WebSockets. Each class is tricorn's one; the options `http` and `ws` choose none."""
