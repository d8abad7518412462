"""What the tests of the API share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

import config
from app import create_app
from app.extensions import db
from tests.wire import key_with


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, empty_sqlite: bytes) -> Iterator[tuple[FlaskClient, dict[str, str]]]:
    """A client and its key for what is refused: nothing is ever stored behind this door, so one serves for all."""
    folder: Path = tmp_path_factory.mktemp("door")
    (folder / "otklik.db").write_bytes(empty_sqlite)
    made = create_app(config.load({}, data_dir=folder, rate_limit=""))
    with made.app_context():
        key = key_with("all")
    yield made.test_client(), key
    with made.app_context():
        db.engine.dispose()
