"""What the proofs share: installations as real processes, each on a database of its own."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import config
from tests.conftest import fresh_postgres
from tests.proofs.mail import HoldingMailServer
from tests.proofs.stack import Installation
from tests.services import Postgres


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Processes are found, and killed, by what Linux shows of them."""
    for item in items:
        if "tests/proofs/" in item.path.as_posix() and not sys.platform.startswith("linux"):
            item.add_marker(pytest.mark.skip(reason="needs /proc, which only Linux has"))


@pytest.fixture
def postgres_settings(postgres: Postgres, tmp_path: Path) -> config.Settings:
    """Settings for a fresh PostgreSQL database."""
    return config.load({}, database_url=fresh_postgres(postgres), data_dir=tmp_path, rate_limit="")


@pytest.fixture
def holding_mail() -> Iterator[HoldingMailServer]:
    server = HoldingMailServer()
    yield server
    server.stop()


@pytest.fixture
def install() -> Iterator[Callable[[config.Settings], Installation]]:
    """Make installations; whatever processes they start end with the test."""
    made: list[Installation] = []

    def make(settings: config.Settings) -> Installation:
        made.append(Installation(settings))
        return made[-1]

    yield make
    for installation in made:
        installation.end()
