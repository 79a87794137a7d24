"""Programs that embed Uvicorn, unchanged, in environments with the shim: `./dev programs`."""
