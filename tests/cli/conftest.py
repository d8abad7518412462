"""What the tests of the command share: the command, on the test's own database."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask

import config
from app import create_app
from app.cli import cli
from app.extensions import db

Otklik = Callable[..., Result]


@pytest.fixture
def otklik(app: Flask, settings: config.Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Otklik]:
    """Run the command as a shell would; it makes an application of its own, as it always does."""
    made: list[Flask] = []

    def remember(told: config.Settings, *, pictures: bool = True) -> Flask:
        made.append(create_app(told, pictures=pictures))
        return made[-1]

    monkeypatch.setattr("app.cli.create_app", remember)
    monkeypatch.setenv("OTKLIK_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("OTKLIK_DATA_DIR", str(settings.data_dir))

    def run(*arguments: str | Path, status: int = 0) -> Result:
        db.session.rollback()
        result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
        assert result.exit_code == status, (result.output, result.exception)
        assert "Traceback" not in result.output
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    yield run
    for one in made:
        with one.app_context():
            db.session.remove()
            db.engine.dispose()
