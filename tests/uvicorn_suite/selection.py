"""Which of Uvicorn's test files are run, and why the others aren't."""

VERSION = "0.54.0"

# What a program or a client can see: by sockets, the command line, `Config` and `Server`.
SELECTED = (
    "tests/importer",
    "tests/middleware",
    "tests/protocols/test_utils.py",
    "tests/protocols/test_websocket.py",
    "tests/supervisors/test_signal.py",
    "tests/test_cli.py",
    "tests/test_compat.py",
    "tests/test_config.py",
    "tests/test_default_headers.py",
    "tests/test_lifespan.py",
    "tests/test_main.py",
    "tests/test_server.py",
    "tests/test_ssl.py",
)

# Single tests of those.
DESELECTED = {
    "tests/test_cli.py::test_cli_call_change_reload_run": "replaces ChangeReload.run, which the"
    " command doesn't call here, so that it would really serve",
    "tests/test_cli.py::test_cli_call_multiprocess_run": "replaces Multiprocess.run likewise",
}

LEFT_OUT = {
    "tests/benchmarks": "measures Uvicorn's protocol classes",
    "tests/protocols/test_http.py": "drives the protocol classes with a transport of its own",
    "tests/protocols/test_http2.py": "drives the protocol classes with a transport of its own",
    "tests/supervisors/test_multiprocess.py": "calls the steps of the supervisor one by one",
    "tests/supervisors/test_reload.py": "calls the steps of the supervisor one by one",
    "tests/test_auto_detection.py": "makes instances of the protocol classes",
    "tests/test_subprocess.py": "replaces what the module for processes imports",
}
