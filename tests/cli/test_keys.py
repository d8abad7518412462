"""``key``: made and shown once, listed without their secret, revoked for good."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tests.cli.conftest import Otklik
from tests.wire import EVENTS, event, everything, on_sqlite

KEY = re.compile(r"otk_[0-9a-f]{12}_[\w-]{43}")


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_a_key_stands_alone_on_the_last_line_and_works(otklik: Otklik, client: FlaskClient) -> None:
    result = otklik("key", "add", "shop backend", "--scope", "events:write", "--scope", "read")
    key = result.stdout.splitlines()[-1]
    assert KEY.fullmatch(key)
    assert result.stdout.count(key) == 1
    assert client.post(EVENTS, json=event(), headers=bearer(key)).status_code == 202
    assert client.get("/api/v1/tasks", headers=bearer(key)).status_code == 200
    assert client.delete("/api/v1/contacts/c-1", headers=bearer(key)).status_code == 403
    secret = key.split("_", 2)[2]
    assert secret not in repr(everything())
    assert secret not in otklik("key", "list").output


def test_a_key_belongs_to_the_source_that_is_named(
    otklik: Otklik, client: FlaskClient, define: Callable[[str], None]
) -> None:
    define("sources: [{slug: crm}]")
    key = otklik("key", "add", "crm", "--scope", "all", "--source", "crm").stdout.splitlines()[-1]
    assert client.post(EVENTS, json=event(), headers=bearer(key)).status_code == 202
    assert client.get(f"{EVENTS}/crm/e-1", headers=bearer(key)).status_code == 200
    assert "there is no source shop" in otklik("key", "add", "x", "--scope", "all", "--source", "shop", status=1).stderr


def test_keys_are_listed_with_their_state(otklik: Otklik) -> None:
    made = [otklik("key", "add", name, "--scope", "read").stdout.splitlines()[-1] for name in ("one", "two")]
    otklik("key", "revoke", "one")
    lines = otklik("key", "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [key.split("_")[1] for key in made]
    assert ["revoked" in line for line in lines] == [True, False]
    assert all("read" in line for line in lines)


@pytest.mark.parametrize("by", ["name", "id"])
def test_a_revoked_key_stops_working(
    otklik: Otklik, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    monkeypatch.setattr("app.auth.REMEMBER_SECONDS", -1.0)
    key, other = (otklik("key", "add", n, "--scope", "read").stdout.splitlines()[-1] for n in ("old", "new"))
    assert client.get("/api/v1/tasks", headers=bearer(key)).status_code == 200
    otklik("key", "revoke", "old" if by == "name" else key.split("_")[1])
    assert client.get("/api/v1/tasks", headers=bearer(key)).status_code == 401
    assert client.get("/api/v1/tasks", headers=bearer(other)).status_code == 200
    assert "there is no live key old" in otklik("key", "revoke", "old", status=1).stderr


@on_sqlite
def test_a_scope_has_to_be_one_and_at_least_one(otklik: Otklik) -> None:
    assert "is not one of" in otklik("key", "add", "x", "--scope", "everything", status=2).stderr
    assert "Missing option" in otklik("key", "add", "x", status=2).stderr
    assert otklik("key", "list").stdout == ""
