"""Definitions changed on screen: with the plan and faults of apply, and nobody's work lost."""

import json
import re
from collections.abc import Callable

import orjson
import pytest
from markupsafe import escape

from app.definitions import write_definition
from app.models.accounts import AuditEntry
from app.models.policies import PolicyVersion
from app.models.triggers import TriggerVersion
from app.queries.definitions import CURRENT
from app.queries.policies import policy_definition
from tests.admin.conftest import Person
from tests.wire import on_sqlite, stored

SignIn = Callable[..., Person]


def made_from(kind: str, slug: str) -> str:
    return orjson.dumps(CURRENT[kind]()[slug]).decode()


def test_a_trigger_is_edited_as_text_and_the_change_is_written_down(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    body = CURRENT["triggers"]()["ask"] | {"name": "After each order", "priority": 80}
    answer = person.post(
        "/as-text/triggers/ask", text=write_definition("triggers", body), made_from=made_from("triggers", "ask")
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/triggers/ask")
    assert "After each order" in person.get("/triggers/ask").text
    last = stored(AuditEntry)[-1]
    assert (last.actor, last.verb, last.kind, last.object) == (person.email, "update", "triggers", "ask")


@on_sqlite
def test_faults_name_their_lines_and_keep_what_was_typed(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    text = "triggers:\n- slug: ask\n  status: alive\n  when: {event: order.paid}\n  then: [{send: {survey: nothing}}]\n"
    before = len(stored(TriggerVersion))
    for verb in ("save", "check"):
        answer = person.post("/as-text/triggers/ask", text=text, made_from=made_from("triggers", "ask"), verb=verb)
        assert "Line 3:" in answer.text
        assert "status: alive" in answer.text
    assert answer.status_code == 200
    assert len(stored(TriggerVersion)) == before


@on_sqlite
def test_checking_tells_the_plan_and_changes_nothing(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    text = write_definition("triggers", CURRENT["triggers"]()["ask"] | {"priority": 80})
    answer = person.post("/as-text/triggers/ask", text=text, made_from=made_from("triggers", "ask"), verb="check")
    assert "~ trigger ask  (priority)" in answer.text
    assert CURRENT["triggers"]()["ask"].get("priority") is None


@on_sqlite
def test_the_page_of_one_object_defines_no_other(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    text = write_definition("triggers", CURRENT["triggers"]()["ask"] | {"slug": "another"})
    answer = person.post("/as-text/triggers/ask", text=text, made_from=made_from("triggers", "ask"))
    assert answer.status_code == 422
    assert "another" not in CURRENT["triggers"]()


def test_two_people_in_one_definition_lose_nothing_and_are_both_told(company: None, sign_in: SignIn) -> None:
    first, second = sign_in("designer"), sign_in("admin")
    seen = made_from("triggers", "ask")
    mine = write_definition("triggers", CURRENT["triggers"]()["ask"] | {"name": "First's name"})
    theirs = write_definition("triggers", CURRENT["triggers"]()["ask"] | {"name": "Second's name"})
    assert first.post("/as-text/triggers/ask", text=mine, made_from=seen).status_code == 303
    answer = second.post("/as-text/triggers/ask", text=theirs, made_from=seen)
    assert answer.status_code == 409
    assert "Second&#39;s name" in answer.text  # what was typed stands in the field
    assert "First&#39;s name" in answer.text  # beside what is in force
    assert first.email in answer.text
    assert CURRENT["triggers"]()["ask"]["name"] == "First's name"
    again = second.post("/as-text/triggers/ask", text=theirs, made_from=made_from("triggers", "ask"))
    assert again.status_code == 303


@on_sqlite
def test_a_form_made_from_an_older_version_is_refused(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    fields = {"name": "X", "status": "live", "priority": "50", "rate": "40", "redraw": "90", "holdout": "5"}
    assert person.post("/triggers/ask/edit", version="1", **fields).status_code == 303
    body = CURRENT["triggers"]()["ask"]
    assert body["sample"] == {"rate": 0.4, "redraw": "90d", "holdout": 0.05}
    late = person.post("/triggers/ask/edit", version="1", **(fields | {"name": "Too late"}))
    assert late.status_code == 409
    assert "Too late" in late.text
    assert CURRENT["triggers"]()["ask"]["name"] == "X"


@on_sqlite
def test_a_pilot_keeps_its_sample_when_its_form_is_saved(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    fields = {"name": "X", "status": "pilot", "priority": "50", "rate": "40", "redraw": "90", "holdout": "5"}
    assert person.post("/triggers/ask/edit", version="1", **fields).status_code == 303
    page = person.get("/triggers/ask/edit").text
    [shown] = re.findall(r'name="rate"[^>]* value="([^"]*)"', page)
    assert float(shown) == 40.0
    assert person.post("/triggers/ask/edit", version="2", **(fields | {"rate": shown})).status_code == 303
    assert CURRENT["triggers"]()["ask"]["sample"]["rate"] == 0.4


@on_sqlite
def test_a_trigger_is_paused_and_goes_live_again(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    person.post("/triggers/ask/status", status="paused")
    assert CURRENT["triggers"]()["ask"]["status"] == "paused"
    person.post("/triggers/ask/status", status="nonsense")
    assert CURRENT["triggers"]()["ask"]["status"] == "paused"
    person.post("/triggers/ask/status", status="live")
    assert CURRENT["triggers"]()["ask"]["status"] == "live"


@on_sqlite
@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ({"max-0": "2", "per-0": "60"}, [{"name": "one-a-month", "max": 2, "per": "60d"}]),
        ({"max-0": "1", "per-0": "30", "remove-0": "on"}, None),
        (
            {"max-0": "1", "per-0": "30", "new-max": "3", "new-per": "365"},
            [{"name": "one-a-month", "max": 1, "per": "30d"}, {"name": "limit-1", "max": 3, "per": "365d"}],
        ),
    ],
)
def test_limits_are_changed_in_a_form(
    company: None, sign_in: SignIn, typed: dict[str, str], wanted: list[dict[str, object]] | None
) -> None:
    person = sign_in("designer")
    quiet = {"quiet-from": "21:00", "quiet-to": "09:00"}
    assert person.post("/policy", number="1", **typed, **quiet).status_code == 303
    body = policy_definition() or {}
    assert body.get("limits") == wanted
    assert body["quiet_hours"] == {"from": "21:00", "to": "09:00"}


@on_sqlite
@pytest.mark.parametrize(("field", "value"), [("max-0", "many"), ("new-max", "3"), ("quiet-from", "late")])
def test_a_policy_that_is_not_right_is_not_put_in_force(company: None, sign_in: SignIn, field: str, value: str) -> None:
    person = sign_in("designer")
    typed = {"max-0": "1", "per-0": "30", "quiet-from": "21:00", "quiet-to": "09:00"} | {field: value}
    answer = person.post("/policy", number="1", **typed)
    assert answer.status_code == 422
    assert f'value="{value}"' in answer.text
    assert len(stored(PolicyVersion)) == 1


@on_sqlite
def test_texts_are_changed_side_by_side(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    texts = {
        "q-0-0-en": "How likely is it?",
        "q-0-0-ru": "Насколько это вероятно?",
        "q-1-0-en": "Why?",
        "q-1-0-ru": "",
        "e-0-en": "Thank you!",
        "e-0-ru": "Спасибо!",
    }
    assert person.post("/surveys/order/texts", version="1", **texts).status_code == 303
    pages = CURRENT["surveys"]()["order"]["pages"]
    assert pages[0]["questions"][0]["text"] == {"en": "How likely is it?", "ru": "Насколько это вероятно?"}
    assert pages[1]["questions"][0]["text"] == {"en": "Why?"}
    assert "1" in person.get("/surveys").text
    assert person.post("/surveys/order/texts", version="1", **texts).status_code == 409


@on_sqlite
def test_what_is_archived_is_out_of_force_and_its_slug_comes_back(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    assert person.post("/archive/segments/premium").status_code == 303
    assert person.post("/archive/segments/premium").status_code == 404
    assert person.post("/archive/sources/api").status_code == 404
    assert person.get("/as-text/segments/premium").status_code == 404
    text = "segments:\n- {slug: premium, if: {field: contact.attributes.plan, op: eq, value: gold}}\n"
    assert person.post("/as-text/segments", text=text, made_from="null").status_code == 303
    assert "premium" in CURRENT["segments"]()


@on_sqlite
def test_a_source_keeps_its_secret_when_its_text_is_saved(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    page = person.get("/as-text/sources/shop").text
    assert "keep: true" in page
    assert "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" not in page
    body = CURRENT["sources"]()["shop"] | {"name": "The shop", "secret": {"keep": True}}
    answer = person.post(
        "/as-text/sources/shop", text=write_definition("sources", body), made_from=made_from("sources", "shop")
    )
    assert answer.status_code == 303


@on_sqlite
@pytest.mark.parametrize(("kind", "slug"), [("surveys", "order"), ("departments", "care"), ("sources", "api")])
def test_what_is_built_in_or_needed_is_not_archived(company: None, sign_in: SignIn, kind: str, slug: str) -> None:
    person = sign_in("designer")
    before = len(stored(AuditEntry))
    answer = person.post(f"/archive/{kind}/{slug}")
    assert answer.status_code in (303, 404)
    if answer.status_code == 303:
        assert "so the trigger cannot be live" in person.get(answer.headers["Location"]).text
        assert slug in CURRENT[kind]()
    assert len(stored(AuditEntry)) == before


@on_sqlite
def test_the_page_for_something_new_changes_nothing_that_is_there(company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    body = CURRENT["surveys"]()["order"]
    mine = write_definition("surveys", body | {"name": "Mine"})
    answer = person.post("/as-text/surveys", text=mine, made_from="null")
    assert answer.status_code == 422
    assert "There is one called “order” already." in answer.text
    trigger = write_definition("triggers", CURRENT["triggers"]()["cold"] | {"name": "Mine"})
    assert person.post("/as-text/departments", text=trigger, made_from="null").status_code == 422
    assert CURRENT["surveys"]()["order"] == body


def test_going_live_shows_how_many_match_already_and_takes_the_choice(
    company: None, sign_in: SignIn, define: Callable[[str], None]
) -> None:
    define(
        "segments: [{slug: anybody, if: {not: {field: contact.locale, op: eq, value: xx}}}]\n"
        "triggers: [{slug: enters, when: {enters: anybody}, then: [{send: {survey: order}}]}]"
    )
    person = sign_in("designer")
    page = person.get("/triggers/enters").text
    assert re.search(r"\d+ customers? match(es)? already\.", page)
    assert "leave them out" in page
    person.post("/triggers/enters/status", status="live", existing="per_day", per_day="many")
    assert "existing" not in CURRENT["triggers"]()["enters"]
    person.post("/triggers/enters/status", status="live", existing="per_day", per_day="50")
    assert CURRENT["triggers"]()["enters"]["existing"] == {"per_day": 50}
    assert "match already" not in person.get("/triggers/enters").text
    person.post("/triggers/enters/status", status="paused")
    person.post("/triggers/enters/status", status="live", existing="usual", per_day="50")
    assert "existing" not in CURRENT["triggers"]()["enters"]
    assert "match" not in person.get("/triggers/ask").text


FORM = {"name": "X", "status": "live", "priority": "50", "rate": "40", "redraw": "90", "holdout": "5"}


@on_sqlite
def test_a_condition_is_edited_in_the_form_and_kept_where_the_form_says_nothing_of_it(
    company: None, sign_in: SignIn
) -> None:
    person = sign_in("designer")
    before = CURRENT["triggers"]()["ask"]["if"]
    assert person.post("/triggers/ask/edit", version="1", **FORM).status_code == 303
    assert CURRENT["triggers"]()["ask"]["if"] == before
    tree = '{"field": "properties.amount", "op": "gt", "value": 70}'
    assert person.post("/triggers/ask/edit", version="2", condition=tree, **FORM).status_code == 303
    assert CURRENT["triggers"]()["ask"]["if"] == {"field": "properties.amount", "op": "gt", "value": 70}
    assert person.post("/triggers/ask/edit", version="3", condition=" ", **FORM).status_code == 303
    assert "if" not in CURRENT["triggers"]()["ask"]


@on_sqlite
@pytest.mark.parametrize(
    "typed", ["{no json", "[1]", '{"field": "amount", "op": "about", "value": 1}', "7", "<script>"]
)
def test_a_condition_that_is_none_is_refused_and_stays_as_typed(company: None, sign_in: SignIn, typed: str) -> None:
    person = sign_in("designer")
    before = CURRENT["triggers"]()["ask"]
    answer = person.post("/triggers/ask/edit", version="1", condition=typed, **FORM)
    assert answer.status_code == 422
    assert str(escape(typed)) in answer.text
    assert "fault" in answer.text or "note-bad" in answer.text
    assert CURRENT["triggers"]()["ask"] == before


@on_sqlite
def test_what_events_and_customers_were_seen_to_have_can_be_chosen(company: None, sign_in: SignIn) -> None:
    page = sign_in("designer").get("/triggers/ask/edit").text
    given = json.loads(re.findall(r'id="given">(.*?)</script>', page)[0])
    fields = {field["path"]: field for field in given["fields"]}
    assert fields["properties.amount"]["kind"] == "number"
    assert fields["contact.segments"]["options"]
    assert "contact.locale" in fields
