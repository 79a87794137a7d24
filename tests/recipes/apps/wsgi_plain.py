"""WSGI apps without a framework, and one in the manner of Bottle: a class with routes.

/            "hello"
/endless     chunks until the client has gone; then the line "closed" in the log
/reads       the number of bytes of content; "cut off" in the log if some are missing
/refuses     401 without reading
/sleep       answers after the time in the query, in seconds
/meet        answers when so many calls as the query says are running
/slow-close  answers at once; its close() waits for /closes, or the seconds in the
             query, and logs "closed late"
/write       uses write()
/none        204
/big-file    a file of 50 MB through wsgi.file_wrapper; "file closed" in the log
/error       raises
/error-late  raises after the first chunk
"""
# ruff: noqa: SIM115 - the server closes the file

import sys
import tempfile
import threading
import time

BIG = 50_000_000
CLOSES = threading.Event()
LOCK = threading.Lock()
MEETING = []
ALL_THERE = threading.Event()


def say(environ, line):
    # One call: what several threads print() comes in pieces.
    environ["wsgi.errors"].write(line + "\n")
    environ["wsgi.errors"].flush()


class Endless:
    def __init__(self, environ):
        self.environ = environ

    def __iter__(self):
        while True:
            yield b"more " * 1000

    def close(self):
        say(self.environ, "closed")


class SlowClose:
    def __init__(self, environ):
        self.environ = environ

    def __iter__(self):
        yield b"quick"

    def close(self):
        CLOSES.wait(float(self.environ["QUERY_STRING"]))
        say(self.environ, "closed late")


class BigFile:
    """Not an exact file of the standard library but the wrapper of a temporary one."""

    def __new__(cls, environ):
        file = tempfile.NamedTemporaryFile()
        file.truncate(BIG)
        really = file.close

        def close():
            really()
            say(environ, "file closed")

        file.close = close
        return file


class Application:
    def __init__(self):
        self.routes = {}

    def route(self, path):
        def add(function):
            self.routes[path] = function
            return function

        return add

    def __call__(self, environ, start_response):
        function = self.routes.get(environ["PATH_INFO"])
        if function is None:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"not here\n"]
        return function(environ, start_response)


app = Application()
PLAIN = [("Content-Type", "text/plain")]


@app.route("/")
def hello(environ, start_response):
    start_response("200 OK", PLAIN)
    return [b"hello"]


@app.route("/endless")
def endless(environ, start_response):
    start_response("200 OK", PLAIN)
    return Endless(environ)


@app.route("/reads")
def reads(environ, start_response):
    try:
        size = 0
        while piece := environ["wsgi.input"].read(65536):
            size += len(piece)
    except OSError:
        say(environ, "cut off")
        raise
    start_response("200 OK", PLAIN)
    return [b"%d" % size]


@app.route("/refuses")
def refuses(environ, start_response):
    start_response("401 Unauthorized", PLAIN)
    return [b"no"]


@app.route("/sleep")
def sleep(environ, start_response):
    say(environ, "sleeps")
    time.sleep(float(environ["QUERY_STRING"]))
    start_response("200 OK", PLAIN)
    return [b"slept"]


@app.route("/meet")
def meet(environ, start_response):
    with LOCK:
        MEETING.append(True)
        if len(MEETING) == int(environ["QUERY_STRING"]):
            ALL_THERE.set()
    there = ALL_THERE.wait(20)
    start_response("200 OK", PLAIN)
    return [b"met" if there else b"alone"]


@app.route("/closes")
def closes(environ, start_response):
    CLOSES.set()
    start_response("200 OK", PLAIN)
    return [b"closes"]


@app.route("/slow-close")
def slow_close(environ, start_response):
    start_response("200 OK", [*PLAIN, ("Content-Length", "5")])
    return SlowClose(environ)


@app.route("/write")
def write(environ, start_response):
    write = start_response("200 OK", PLAIN)
    write(b"written, ")
    return [b"returned"]


@app.route("/none")
def none(environ, start_response):
    start_response("204 No Content", [])
    return []


@app.route("/big-file")
def big_file(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return environ["wsgi.file_wrapper"](BigFile(environ))


@app.route("/error")
def error(environ, start_response):
    raise LookupError("on purpose")


@app.route("/error-late")
def error_late(environ, start_response):
    start_response("200 OK", PLAIN)

    def chunks():
        yield b"so far"
        raise LookupError("on purpose, late")

    return chunks()


def function(environ, start_response):
    start_response("200 OK", PLAIN)
    print("printed", file=sys.stderr, flush=True)
    return [b"function"]
