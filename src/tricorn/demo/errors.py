"""What a request gets that the demo can't answer: a page for a person, JSON for a program."""

from collections.abc import Sequence
from html import escape
from http import HTTPStatus
from importlib.resources import files
from string import Template

from tricorn.demo.asgi import Field, Scope, Send, field_value
from tricorn.demo.responses import NO_STORE, respond, respond_json

_PAGE = Template((files(__package__) / "static" / "error.html").read_text("utf-8"))
_VARY: Field = (b"vary", b"accept")


async def respond_error(
    scope: Scope, send: Send, status: int, detail: str, fields: Sequence[Field] = ()
) -> None:
    """Answer with `status` and the sentence `detail`, in the form the client accepts."""
    title = HTTPStatus(status).phrase
    if b"text/html" not in field_value(scope, b"accept"):
        error = {"status": status, "error": title, "detail": detail}
        await respond_json(scope, send, error, [_VARY, *fields], status)
        return
    page = _PAGE.substitute(
        status=status,
        title=escape(title),
        detail=escape(detail),
        root=escape(scope.get("root_path", "").rstrip("/")),
    )
    head = [(b"content-type", b"text/html; charset=utf-8"), NO_STORE, _VARY, *fields]
    await respond(scope, send, page.encode(), head, status)
