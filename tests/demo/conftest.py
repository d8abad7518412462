"""One company for all tests of a session: making it takes half a minute."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import pytest
from flask import Flask

import config
from app import create_app
from app.cli.demo import DATABASE, demo_settings, make_company
from app.clock import utcnow
from app.extensions import db


@dataclass(frozen=True)
class Made:
    """A company on disk, and the moment its past ends."""

    settings: config.Settings
    now: datetime


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("demo")
    settings = demo_settings(config.load({}, data_dir=folder, rate_limit=""))
    settings.data_dir.mkdir()
    now = utcnow()
    settings = replace(settings, database_url=f"sqlite:///{settings.data_dir / DATABASE}")
    make_company(settings, now, lambda _done, _of: None)
    return Made(settings, now)


@pytest.fixture
def meadow(made: Made) -> Iterator[Flask]:
    """The application of the company, its context open. Tests only look."""
    app = create_app(made.settings)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()
