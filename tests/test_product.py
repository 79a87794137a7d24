"""Appearing under another product's name: `--product uvicorn`."""

import logging
import sys
from collections.abc import Iterator

import pytest

import tricorn
from tests.support.server import APPS, launch
from tricorn.product import logger_name, product_logger, running_on, use_product
from tricorn.settings.errors import ConfigError
from tricorn.watch.logs import LOGGING_CONFIG, LOGGING_CONFIGS


@pytest.fixture
def ours() -> Iterator[None]:
    """Give the process its own name back."""
    yield
    use_product("tricorn")


@pytest.mark.usefixtures("ours")
class TestNames:
    def test_a_logger_follows_the_product(self, caplog: pytest.LogCaptureFixture) -> None:
        logger = product_logger("error")
        for name in ("uvicorn", "tricorn"):
            use_product(name)
            logging.getLogger(logger_name("error")).addHandler(caplog.handler)
            try:
                logger.warning("hello")
            finally:
                logging.getLogger(logger_name("error")).removeHandler(caplog.handler)
        assert {"uvicorn.error", "tricorn.error"} == {one.name for one in caplog.records}

    def test_a_config_sets_it(self) -> None:
        config = tricorn.Config(None, product="uvicorn", log_config=None)
        assert (config.product, logger_name()) == ("uvicorn", "uvicorn")
        assert running_on().startswith("Uvicorn running on %s")
        tricorn.Config(None, log_config=None)
        assert (logger_name("access"), running_on()[:7]) == ("tricorn.access", "Tricorn")

    def test_its_log_configuration_is_the_default(self) -> None:
        config = tricorn.Config(None, product="uvicorn")
        assert config.log_config is LOGGING_CONFIGS["uvicorn"]
        assert set(config.log_config["loggers"]) == {"uvicorn", "uvicorn.error", "uvicorn.access"}
        assert tricorn.Config(None).log_config is LOGGING_CONFIG

    def test_another_name_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="product"):
            tricorn.Config(None, product="nginx")


@pytest.mark.parametrize("processes", [[], ["--workers", "2"], ["--reload"]])
def test_a_server_appears_as_uvicorn(processes: list[str]) -> None:
    command = [sys.executable, "-m", "tricorn", "plain:app", "--app-dir", str(APPS)]
    with launch([*command, "--port", "0", "--product", "uvicorn", *processes], "Uvicorn") as server:
        server.wait_started()
        with server.connect() as client:
            assert client.get("/").header(b"server") == b"uvicorn"
        server.wait_output('"GET / HTTP/1.1" 200 OK')
        assert "Tricorn" not in server.output()
    server.check_output()
