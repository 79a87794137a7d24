"""FastHTML's smallest program."""

from fasthtml.common import Titled, fast_app, serve

app, route = fast_app(secret_key="else it writes a file with one")


@route("/")
def get():
    return Titled("Served by the shim")


serve(host="127.0.0.1", port=0, reload=False)
