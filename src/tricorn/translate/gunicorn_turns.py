"""What gunicorn's settings become where it takes more than another name."""

from __future__ import annotations

from tricorn.translate import alike
from tricorn.translate.addresses import to_binds
from tricorn.translate.errors import Untranslatable
from tricorn.translate.row import (
    Anyway,
    Asked,
    Became,
    Missing,
    Outcome,
    Surroundings,
    Turn,
    Value,
)

_ASGI = (
    "asgi", "uvicorn.workers.", "uvicorn_worker.", "tricorn.workers.", "gunicorn.workers.gasgi.",
)  # fmt: skip
_WITHOUT_KWARGS = (
    "uvicorn.workers.Uvicorn", "tricorn.workers.Tricorn", "uvicorn_worker.Uvicorn", "asgi",
)  # fmt: skip
_GREEN = ("gevent", "eventlet", "gevent_wsgi", "gevent_pywsgi")


def is_asgi(asked: Asked) -> bool:
    """Whether the worker class that is asked for serves ASGI apps."""
    name = asked.get("worker_class", "sync")
    return not isinstance(name, str) or name.startswith(_ASGI)


def worker_class(value: Value, asked: Asked) -> Outcome:
    if not isinstance(value, str):
        return Missing(f"What the class does is its own. {alike.WITH_WORKER}")
    if value.startswith(_ASGI):
        plain = value.startswith(_WITHOUT_KWARGS)
        kwargs = "" if plain else " What its CONFIG_KWARGS say are options of the same names."
        return Anyway(f"tricorn serves ASGI by itself.{kwargs}")
    if value in ("sync", "gthread"):
        threads = asked.get("threads", 1)
        return Became({"interface": "wsgi", "wsgi_threads": threads})
    if value in _GREEN:
        return Became(
            {"interface": "wsgi"},
            "There are no green threads: each request takes a thread, see `--wsgi-threads`. An app"
            " that holds thousands of connections stays with gunicorn, or becomes ASGI.",
        )
    if value == "tornado":
        return Missing("Tornado brings its own server: start that.")
    return Missing(
        f"{value} isn't gunicorn's. If it is a UvicornWorker, what its CONFIG_KWARGS say are"
        " tricorn's options of the same names."
    )


def threads(value: Value, asked: Asked) -> Outcome:
    if is_asgi(asked):
        return Anyway("An ASGI app runs in the event loop.")
    return Became({"interface": "wsgi", "wsgi_threads": value})


def connections(value: Value, asked: Asked) -> Outcome:
    if asked.get("worker_class", "sync") == "sync":
        return Anyway("gunicorn's sync worker doesn't heed it.")
    return Became({"limit_connections": value})


def bind(value: Value, asked: Asked) -> Outcome:
    return Became({"bind": to_binds(value)})


def timeout(value: Value, asked: Asked) -> Outcome:
    note = "It is for the event loop, which no request blocks: a request may take its time."
    if is_asgi(asked):
        note = "The event loop must turn so often, with more than one worker."
    return Became({"timeout_worker_healthcheck": value}, note)


def limit(option: str) -> Turn:
    """0 means no limit there, and isn't accepted here."""

    def turn(value: Value, asked: Asked) -> Outcome:
        if str(value) == "0":
            if option == "limit_max_requests":
                return Anyway("0, no limit, is the default.")
            return Missing("There is always a limit; give a large one.")
        return Became({option: value})

    return turn


def field_size(value: Value, asked: Asked) -> Outcome:
    fields = str(asked.get("limit_request_fields", 100))
    if not str(value).isdecimal() or not fields.isdecimal():
        raise Untranslatable(f"--limit-request-field_size: {value!r} is not a whole number")
    if int(value) == 0:
        return Missing("There is always a limit; give a large --limit-field-section.")
    return Became({"limit_field_section": int(value) * int(fields)}, "All fields together.")


def chdir(value: Value, asked: Asked) -> Outcome:
    return Surroundings(
        "Start in that directory: `WorkingDirectory=` in systemd.", directory=str(value)
    )


def raw_env(value: Value, asked: Asked) -> Outcome:
    texts = [value] if isinstance(value, str) else list(value)
    pairs = dict(str(text).partition("=")[::2] for text in texts)
    return Surroundings("Set in the environment.", environment=pairs)


def python_path(value: Value, asked: Asked) -> Outcome:
    path = ":".join(str(value).split(","))
    return Surroundings("Set in the environment.", environment={"PYTHONPATH": path})


def umask(value: Value, asked: Asked) -> Outcome:
    """A number as Python writes it, or octal with a leading 0."""
    text = str(value)
    try:
        number = int(text, 8 if text.startswith("0") and text.isdecimal() else 0)
    except ValueError:
        raise Untranslatable(f"--umask: {text!r} is not a number such as 0o027") from None
    return Became({"umask": number})


def cert_reqs(value: Value, asked: Asked) -> Outcome:
    return Became({"ssl_cert_reqs": value if isinstance(value, str) else int(value)})


def ssl_version(value: Value, asked: Asked) -> Outcome:
    return Anyway("gunicorn ignores it too. TLS 1.2 and 1.3 are spoken.")


def protocols(value: Value, asked: Asked) -> Outcome:
    names = [part.strip() for part in value.split(",")] if isinstance(value, str) else list(value)
    cleartext = asked.get("http2_cleartext", "off") in ("prior-knowledge", "both")
    return Became({"http2": ("all" if cleartext else "tls") if "h2" in names else "off"})


def cleartext(value: Value, asked: Asked) -> Outcome:
    if value in ("off", False):
        return Anyway("Off for all but trusted proxies.")
    if value == "upgrade":
        return Missing("RFC 9113 has given `Upgrade: h2c` up. `--http2 all` takes prior knowledge.")
    return Became({"http2": "all"})


def protocol(value: Value, asked: Asked) -> Outcome:
    if value == "http":
        return Anyway("HTTP is what tricorn speaks.")
    return Missing("Have the proxy speak HTTP: `proxy_pass` in nginx.")


def _off(value: Value) -> bool:
    return value in (False, None, "off", "")


def proxy_protocol(value: Value, asked: Asked) -> Outcome:
    if _off(value):
        return Anyway("Off by default.")
    mode = "auto" if str(value).lower() in ("true", "1", "yes", "on", "auto") else value
    return Became({"proxy_protocol": mode}, "Trusted proxies must begin with it.")


def proxy_peers(value: Value, asked: Asked) -> Outcome:
    if _off(asked.get("proxy_protocol")):
        return Anyway("It counts with --proxy-protocol only.")
    return Became({"forwarded_allow_ips": _trusted(asked)}, "One list says whom to trust.")


def forwarded_peers(value: Value, asked: Asked) -> Outcome:
    if _off(asked.get("proxy_protocol")):
        return Became({"forwarded_allow_ips": value})
    return Became({"forwarded_allow_ips": _trusted(asked)}, "One list says whom to trust.")


def _trusted(asked: Asked) -> str:
    """The proxies of the PROXY protocol, and of forwarding fields."""
    lists = [asked.get(name) for name in ("forwarded_allow_ips", "proxy_allow_ips")]
    texts = [one if isinstance(one, str) else ",".join(one) for one in lists if one is not None]
    entries = [entry.strip() for text in texts for entry in text.split(",")]
    return "*" if "*" in entries else ",".join(dict.fromkeys(entries))


def control(value: Value, asked: Asked) -> Outcome:
    return Became({"control": value}, "`tricorn ctl` speaks to it, and `gunicornc` doesn't.")


def loop(value: Value, asked: Asked) -> Outcome:
    return Became({"loop": value}) if is_asgi(asked) else Anyway("The app is no ASGI app.")


def message_size(value: Value, asked: Asked) -> Outcome:
    return Became({"ws_max_size": value})
