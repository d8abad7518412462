"""One company for all tests of a session, since making it takes half a minute; who changes it gets a copy."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask

import config
from app import create_app
from app.cli.demo import DATABASE, demo_settings, make_company
from app.clock import utcnow
from app.extensions import db
from tests.conftest import Visitor


@dataclass(frozen=True)
class Made:
    """A company on disk, and the moment its past ends."""

    settings: config.Settings
    now: datetime


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made_in(tmp_path_factory.mktemp("demo"), "")


def made_in(folder: Path, language: str) -> Made:
    """A company, made in this folder."""
    settings = demo_settings(config.load({}, data_dir=folder, rate_limit="", language=language))
    settings.data_dir.mkdir()
    now = utcnow()
    settings = in_folder(settings, settings.data_dir)
    make_company(settings, now, lambda _done, _of: None)
    return Made(settings, now)


def in_folder(settings: config.Settings, folder: Path) -> config.Settings:
    return replace(settings, data_dir=folder, database_url=f"sqlite:///{folder / DATABASE}")


def application(settings: config.Settings) -> Flask:
    app = create_app(settings)
    app.test_client_class = Visitor
    return app


def opened(settings: config.Settings) -> Iterator[Flask]:
    app = application(settings)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def meadow(made: Made) -> Iterator[Flask]:
    """The application of the company, its context open. Tests only look."""
    yield from opened(made.settings)


@pytest.fixture
def app(made: Made, tmp_path: Path) -> Iterator[Flask]:
    """The application of a company of one's own: a copy, which may be changed."""
    folder = tmp_path / "demo"
    shutil.copytree(made.settings.data_dir, folder)
    yield from opened(in_folder(made.settings, folder))
