import sys

from fasthtml.common import Div, Titled, fast_app, serve

app, route = fast_app()
VERSION = "one"


@route("/")
def get():
    return Titled("FastHTML", Div(f"version {VERSION}"))


serve(host="127.0.0.1", port=int(sys.argv[1]), reload=sys.argv[2] == "reload")
