"""What the tests of definition files share: reading without storing."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import config
from app import create_app
from app.definitions import Loaded, load_definitions
from app.extensions import db

Read = Callable[..., Loaded]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory, empty_sqlite: bytes) -> Iterator[Read]:
    """Read YAML texts where nothing is defined yet; nothing is ever stored here, so one place serves for all."""
    folder: Path = tmp_path_factory.mktemp("reading")
    (folder / "otklik.db").write_bytes(empty_sqlite)
    made = create_app(config.load({}, data_dir=folder))

    def read_texts(*texts: str, **files: str) -> Loaded:
        named = {f"{number}.yaml" if number else "f.yaml": text for number, text in enumerate(texts)}
        with made.app_context():
            return load_definitions(named | {f"{name}.yaml": text for name, text in files.items()})

    yield read_texts
    with made.app_context():
        db.engine.dispose()
