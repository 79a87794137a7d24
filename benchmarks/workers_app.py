"""One FastAPI route that says which process answers."""

import os

from fastapi import FastAPI, Response

app = FastAPI()


@app.get("/")
async def pid() -> Response:
    return Response(str(os.getpid()), media_type="text/plain")
