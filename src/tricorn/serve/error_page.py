"""What is answered in place of an app that can't be served, while its code is worked on."""

from __future__ import annotations

import asyncio
import html
from typing import Any

# A page asks so that it learns, by the end of the answer, when to load again.
WAIT = b"x-tricorn-wait"

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>The application can't be served</title>
<noscript><meta http-equiv="refresh" content="2"></noscript>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; padding: 0 1rem;
        max-width: 70rem }}
pre {{ font-size: .875rem; overflow-x: auto; padding: 1rem; border-left: .25rem solid #c33;
       background: #8881 }}
</style>
</head>
<body>
<h1>The application can't be served</h1>
<pre>{text}</pre>
<p>Save a change, and this page loads again by itself.</p>
<script>
const again = () => location.replace(location.pathname + location.search);
fetch(location.pathname, {{headers: {{"{wait}": "1"}}, cache: "no-store"}})
  .then(answer => answer.text()).then(again, () => setTimeout(again, 500));
</script>
</body>
</html>
"""


class ErrorPage:
    """An ASGI app that answers everything with 500 and `text`: browsers get a page."""

    def __init__(self, text: str) -> None:
        self.plain = text.encode("utf-8", "backslashreplace") + b"\n"
        page = _PAGE.format(text=html.escape(text), wait=WAIT.decode())
        self.page = page.encode("utf-8", "backslashreplace")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request; one of a page that waits, at the end of this process."""
        fields = dict(scope["headers"])
        is_page = b"text/html" in fields.get(b"accept", b"")
        body, kind = (self.page, b"html") if is_page else (self.plain, b"plain")
        waits = WAIT in fields
        await send(
            {
                "type": "http.response.start",
                "status": 500,
                "headers": [
                    (b"content-type", b"text/%s; charset=utf-8" % kind),
                    (b"cache-control", b"no-store"),
                    *([] if waits else [(b"content-length", str(len(body)).encode())]),
                ],
            }
        )
        if waits:
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
            while (await receive())["type"] != "http.disconnect":
                await asyncio.sleep(0)
            return
        await send({"type": "http.response.body", "body": body})
