"""From a request's path and method to the application that answers it."""

from collections.abc import Sequence
from typing import NamedTuple

from tricorn.demo.asgi import App, Receive, Scope, Send
from tricorn.demo.errors import respond_error


class Route(NamedTuple):
    """One path and the ASGI application that answers it."""

    path: str
    app: App
    methods: tuple[str, ...] = ()  # none: every method
    subtree: bool = False  # answers the paths below `path` too

    def matches(self, path: str) -> bool:
        """Tell whether this route answers `path`."""
        return path == self.path or (self.subtree and path.startswith(self.path + "/"))


def local_path(scope: Scope) -> str:
    """Path within this application: `path` without the `root_path` it is mounted under."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "").rstrip("/")
    return path[len(root) :] if path.startswith(root + "/") else path


class Router:
    """An ASGI application that hands each request to the first route that matches."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = local_path(scope)
        route = next((route for route in self._routes if route.matches(path)), None)
        if route is None:
            await respond_error(scope, send, 404, f"There is nothing at {path}.")
        elif route.methods and scope["method"] not in route.methods:
            methods = ", ".join(route.methods)
            detail = f"{path} doesn't answer {scope['method']}. It answers {methods}."
            await respond_error(scope, send, 405, detail, [(b"allow", methods.encode())])
        else:
            await route.app(scope, receive, send)
