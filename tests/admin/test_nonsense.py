"""Nonsense in any field of the staff site is refused in plain words; nothing breaks, and nothing changes."""

from collections.abc import Callable
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from tests.admin.conftest import PASSWORD, Person, log_in, token_of
from tests.wire import event, key_with, tell

SignIn = Callable[..., Person]
HUGE = "9223372036854775808"


@pytest.mark.parametrize(
    "address",
    [
        f"/customers?after={HUGE}",
        f"/audit?before={HUGE}",
        "/audit?before=-1",
        f"/answers?after={quote('2026-11-21T00:00:00+00:00~' + '9' * 30)}",
        f"/answers?after={quote('0001-01-01T00:00:00+14:00~1')}",
        f"/answers?after={quote('9999-12-31T23:59:59-23:00~1')}",
        "/decisions?before=\u00b2-\u00b2",
        f"/decisions?before={HUGE}-{HUGE}",
        f"/tasks/{HUGE}",
        f"/search?q=%23{HUGE}",
        "/search?q=%23\u00b2",
        "/customers?q=" + "x" * 5000,
        "/home?days=\u00b2",
        "/customers/ada?why=" + "y" * 3000,
        "/as-text/nothing",
        "/as-text/triggers/" + "z" * 300,
        "/surveys/order?language=xx",
        "/overview.csv?place=%27",
        "/dashboards/_dash-component-suites/x/x",
        "/dashboards/nothing",
        "/nowhere",
        "/%00",
    ],
)
def test_an_address_of_nonsense_is_a_calm_page(company: None, sign_in: SignIn, address: str) -> None:
    assert sign_in("admin").get(address).status_code in (200, 302, 400, 404)


@pytest.mark.parametrize(
    ("address", "fields"),
    [
        ("/policy", {"number": "1", "max-0": "\u00b2", "per-0": "30"}),
        ("/policy", {"number": "1", "max-0": "1" * 5000, "per-0": "30"}),
        ("/policy", {"number": "1", "max-0": "1", "per-0": "30", "new-max": "\u00b2", "new-per": "1"}),
        ("/as-text/triggers/ask", {"text": "triggers: []", "made_from": "{not json"}),
        ("/as-text/triggers/ask", {"text": "\u0001", "made_from": "[1]"}),
        ("/sources/shop/try", {"payload": HUGE}),
        ("/changes/remove", {"id": HUGE}),
        ("/tasks/1", {"verb": "comment", "comment": "a\0b"}),
        ("/profile", {"name": "a\0b", "language": "en", "zone": "UTC", "theme": ""}),
        ("/people", {"name": "a\0b", "email": "x@example.com", "role": "admin", "department": ""}),
        ("/keys", {"name": "a\0b", "source": "api", "scopes": "read"}),
        ("/look", {"theme": "dark", "back": "//["}),
        ("/people/999999", {"verb": "close"}),
        ("/people/1", {"verb": "change", "role": "emperor"}),
        ("/sending/999999999999999999999", {"became": "lost"}),
    ],
)
def test_a_form_of_nonsense_is_refused(company: None, sign_in: SignIn, address: str, fields: dict[str, str]) -> None:
    assert sign_in("admin").post(address, **fields).status_code in (302, 303, 400, 404, 409, 422)


@pytest.mark.parametrize(
    "properties",
    [
        {"scores": {"nps": "abc"}},
        {"scores": {"nps": None}},
        {"scores": [1], "answers": [1]},
        {"answers": "text", "survey": {"a": 1}, "touchpoint": ["x"]},
        {"amount": 1e300, "small": -1e-300, "text": {"a": 1}, "comment": 5},
        {"trigger": [], "place": {"a": []}, "employee": 1, "deep": [[[[["x"]]]]]},
    ],
)
def test_an_event_of_nonsense_takes_no_page_down(
    client: FlaskClient,
    company: None,
    sign_in: SignIn,
    work: Callable[[], None],
    properties: dict[str, object],
) -> None:
    contact = {"id": "eve", "name": "Eve", "email": "eve@example.com"}
    for number, kind in enumerate(("review.posted", "order.paid")):
        tell(client, key_with("all"), event(f"odd-{number}", kind, contact=contact, properties=properties))
    work()
    person = sign_in("admin")
    for address in ("home", "tasks?tab=all", "tasks/3", "customers/eve?why=ask", "decisions", "dashboards/", "answers"):
        assert person.get(f"/{address}").status_code == 200, address


@pytest.mark.parametrize("email", ["a\0b", "@", "x" * 5000, "' or 1=1 --"])
def test_a_login_of_nonsense_is_refused(client: FlaskClient, email: str) -> None:
    assert log_in(client, email, PASSWORD).status_code in (400, 422)
    token = token_of(client.get("/login").text)
    assert client.post("/language", data={"csrf_token": token, "language": "ru", "back": "//["}).status_code == 303
