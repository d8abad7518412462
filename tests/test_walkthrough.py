"""The walkthrough of the manual, on reviews made here: the figures equal an independent count."""

from pathlib import Path

import pytest

from tests.services import MailServer
from tests.walkthrough import Review, installation, walk

REVIEWS = [
    Review(number, rating=number * 3 % 5 + 1, product=f"dress-{number % 7}", department="Dresses", age=20 + number // 5)
    for number in range(60)
]


@pytest.mark.redis
def test_the_walkthrough_of_the_manual(tmp_path: Path, mail_server: MailServer) -> None:
    with installation(tmp_path, mail_server) as (address, key):
        found = walk(address, key, mail_server, REVIEWS)
    assert found.mails == 24
