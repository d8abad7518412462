"""Open links on screen: made, shown with their QR codes, closed and opened again."""

import re
from collections.abc import Callable
from html import unescape

from app.models.accounts import AuditEntry
from app.models.links import OpenLink
from tests.admin.conftest import Person
from tests.wire import on_sqlite, stored

SignIn = Callable[..., Person]


@on_sqlite
def test_a_link_is_made_shown_closed_and_opened_again(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    fields = {"name": "Tablet <b>", "touchpoint": " Visit ", "place": "", "restarts_after": "30",
              "origins": "https://shop.example\nhttps://b.example"}  # fmt: skip
    assert person.post("/surveys/order/share", **fields).status_code == 303
    [before, made] = stored(OpenLink)
    assert before.name == "Poster"
    assert (made.name, made.touchpoint, made.place, made.restarts_after) == ("Tablet <b>", "Visit", None, 30)
    assert made.origins == "https://shop.example https://b.example"
    page = person.get("/surveys/order/share").text
    assert "Tablet &lt;b&gt;" in page
    addresses = re.findall(r'<a class="address"[^>]* href="([^"]+)"', page)
    [address] = [a for a in addresses if made.public_id in a]
    assert f'<iframe src="{address}"' in unescape(page)
    code = person.get(f"/surveys/order/share/{made.id}.svg")
    assert (code.mimetype, b"<svg" in code.data) == ("image/svg+xml", True)
    assert person.get("/surveys/order/share/99.svg").status_code == 404
    switch = f"/surveys/order/share/{made.id}"
    assert person.post(switch).status_code == 303
    assert "Open it again" in person.get("/surveys/order/share").text
    assert person.post(switch).status_code == 303
    assert "Open it again" not in person.get("/surveys/order/share").text
    assert person.post("/surveys/order/share/99").status_code == 404
    said = [(e.verb, e.object) for e in stored(AuditEntry) if e.object == "Tablet <b>"]
    assert said == [("create", "Tablet <b>"), ("stop", "Tablet <b>"), ("start", "Tablet <b>")]
    assert "Tablet" not in sign_in("manager").get("/triggers").text  # what it is counted under is no trigger to see


@on_sqlite
def test_what_is_wrong_with_a_link_is_said_beside_its_field(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    for fields, said in (
        ({"name": ""}, "This field is required."),
        ({"name": "A", "restarts_after": "2"}, "Number must be between 5 and 600."),
        ({"name": "A", "origins": "http://shop.example"}, "“http://shop.example” is no page&#39;s origin"),
    ):
        answer = person.post("/surveys/order/share", **fields)
        assert (answer.status_code, said in answer.text) == (422, True)
    assert len(stored(OpenLink)) == 1
    assert sign_in("manager").post("/surveys/order/share", name="A").status_code == 403
