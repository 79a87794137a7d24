"""What `fastapi run` serves."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def root():
    return {"served": "by the shim"}
