"""A site without a database: pictures drawn from lists."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask_babel import Babel


@pytest.fixture
def speaking() -> Iterator[Flask]:
    """A request in English, for what is put into words."""
    made = Flask("pictures")
    Babel(made, default_locale="en")
    with made.test_request_context():
        yield made
