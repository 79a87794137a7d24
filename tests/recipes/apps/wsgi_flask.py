"""A Flask app as people write them."""

import io
from pathlib import Path

from flask import Flask, Response, jsonify, request, send_file, stream_with_context

app = Flask(__name__)


@app.get("/")
def hello():
    return "Hello, Flask"


@app.get("/facts/<name>")
def facts(name):
    return jsonify(
        name=name,
        host=request.host,
        url=request.url,
        remote=request.remote_addr,
        script=request.script_root,
        multithread=request.environ["wsgi.multithread"],
    )


@app.post("/form")
def form():
    file = request.files.get("file")
    return jsonify(form=request.form.to_dict(), size=len(file.read()) if file else None)


@app.post("/echo")
def echo():
    return Response(request.stream.read(), mimetype="application/octet-stream")


@app.get("/stream")
def stream():
    def chunks():
        for number in range(10):
            yield f"{request.path} {number}\n"

    return Response(stream_with_context(chunks()), mimetype="text/plain")


@app.get("/file")
def file():
    return send_file(Path(__file__), mimetype="text/x-python", conditional=True)


@app.get("/made")
def made():
    return send_file(io.BytesIO(b"made up"), mimetype="text/plain")


@app.get("/boom")
def boom():
    raise LookupError("on purpose")
