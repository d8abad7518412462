"""Putting definitions in force: the plan, all or nothing, what stays, and out again as they went in."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient

from app.actions.definitions import apply_definitions
from app.clock import utcnow
from app.definitions import export_definitions, load_definitions
from app.extensions import unseal
from app.models.offers import OfferCode
from app.models.policies import PolicyVersion
from app.models.segments import Segment
from app.models.sources import Source
from app.models.surveys import Survey, SurveyVersion
from app.models.triggers import Trigger, TriggerVersion
from app.queries.definitions import MissingSecret, plan_changes
from tests.conftest import MEADOW, SHOP_SECRET
from tests.wire import event, everything, listed, on_sqlite, stored, tell

SURVEY = 'surveys: [{slug: s, pages: [{questions: [{id: nps, type: nps, text: "How likely?"}]}]}]\n'
TRIGGER = "triggers: [{slug: t, status: live, when: {event: order.paid}, then: [{send: {survey: s}}]}]\n"


def apply(*texts: str, prune: bool = False) -> list[str]:
    """Apply texts, each a file, and return the lines of the plan."""
    loaded = load_definitions({f"{n}.yaml": text for n, text in enumerate(texts)})
    assert not loaded.faults, "\n".join(map(str, loaded.faults))
    changes = apply_definitions(loaded.catalog, loaded.secrets, prune=prune, now=utcnow())
    return [str(change) for change in changes]


def plan(text: str, *, prune: bool = False) -> list[str]:
    loaded = load_definitions({"f.yaml": text})
    assert not loaded.faults, loaded.faults
    return [str(change) for change in plan_changes(loaded.catalog, loaded.secrets, prune=prune)]


def bodies(*texts: str) -> dict[str, Any]:
    """What texts define, by kind and slug; codes left out, for they are never exported."""
    loaded = load_definitions({f"{n}.yaml": text for n, text in enumerate(texts)})
    assert not loaded.faults, loaded.faults
    found: dict[str, Any] = {"policy": loaded.catalog.policy, **loaded.catalog.bodies}
    found["offers"] = {s: {k: v for k, v in b.items() if k != "codes"} for s, b in found["offers"].items()}
    return found


# -- Out as they went in


def test_the_example_of_the_manual_comes_out_as_it_went_in(app: Flask) -> None:
    apply(MEADOW)
    exported = export_definitions()
    assert bodies(*exported.values()) == bodies(MEADOW)
    for kind, text in exported.items():
        written, again = yaml.safe_load(MEADOW)[kind], yaml.safe_load(text)[kind]
        if kind == "policy":
            assert list(written) == list(again)
        else:
            by_slug = {item["slug"]: item for item in written}
            for item in again:
                assert list(item) == [k for k in by_slug[item["slug"]] if k != "codes"]
    assert "Посоветуете ли вы нас друзьям?" in exported["surveys"]
    assert "A1B2" not in repr(exported)
    assert SHOP_SECRET not in repr(exported)
    assert "env: SHOP_SECRET" in exported["sources"]


def test_what_came_out_changes_nothing_when_it_goes_in_again(app: Flask) -> None:
    apply(MEADOW)
    texts = export_definitions().values()
    before = everything()
    assert apply(MEADOW) == []
    assert apply(*texts) == []
    assert apply(*texts, prune=True) == []
    assert everything() == before


@on_sqlite
def test_what_came_out_can_be_put_into_another_installation(app: Flask) -> None:
    apply(MEADOW)
    exported = export_definitions()
    apply("departments: []", prune=True)
    assert set(export_definitions()) == {"policy"}
    apply(*exported.values())
    assert export_definitions() == exported


WORDS = """
on no yes ~ null true 1 1.5 1e3 1. .5 010 08 019991 0x1F 0o17 1_000 21:00 1:30:00 2026-11-21 2026-11-21T10:00:00Z
= << !x &a *a #x { } [ ] , % @ ` | > ' " \\ \\n - ? : +7 +79001234567 1e400 -1E-2 NaN .nan .inf Infinity привет 😀
"""
TEXTS = WORDS.split()
TEXTS += ["- a", "? a", "a: b", "a #b", "--- x", "... x", "a\nb", "a\n\nb\n", "  lead", "trail  ", "\ttab"]
TEXTS += ["{{ contact.name }}", "x" * 190, "word " * 39 + "end"]
TEXTS += ["a\u2028b", "\u00a0x", "a\u0085b", "\ufeffx", "\x7f", "x\u200b", "👨\u200d👩"]


@on_sqlite
def test_any_text_comes_out_as_it_went_in(app: Flask) -> None:
    broken = []
    for text in TEXTS:
        written = yaml.safe_dump(text, allow_unicode=False, default_style='"', width=1000).strip()
        definition = (
            f"segments: [{{slug: a, if: {{field: contact.attributes.a, op: in, value: [{written}]}}}}]\n"
            f"departments: [{{slug: a, name: {written}}}]\n"
        )
        apply(definition)
        assert stored(Segment)[0].body["if"]["value"] == [text]
        exported = export_definitions()
        loaded = load_definitions({f"{kind}.yaml": exported[kind] for kind in exported})
        names = [body["name"] for body in loaded.catalog.bodies["departments"].values()]
        values = [body["if"]["value"] for body in loaded.catalog.bodies["segments"].values()]
        if (names, values) != ([text], [[text]]):
            broken.append((text, names, values))
    assert broken == []


# -- The plan


def test_a_plan_says_what_is_made_changed_and_left(app: Flask) -> None:
    assert apply(MEADOW) == [
        "  + policy  (limits, exempt, quiet_hours, complaint, consent)",
        "  + department care",
        "  + source shop",
        "  + segment premium",
        "  + offer winback-10  (2 new codes)",
        "  + survey nps-upgrade",
        "  + trigger upgrade-nps",
        "  + trigger unhappy-upgrade",
    ]
    changed = (
        MEADOW.replace("max: 2, per: 90d", "max: 3, per: 90d")
        .replace("Customer care", "Care")
        .replace("codes: [A1B2, C3D4]", "codes: [C3D4, E5F6, E5F6]")
        .replace("    priority: 50\n", "")
        .replace("touchpoint: Upgrade", "touchpoint: Up")
    )
    assert apply(changed) == [
        "  ~ policy  (limits)",
        "  ~ department care  (name)",
        "  ~ offer winback-10  (1 new codes)",
        "  ~ trigger upgrade-nps  (touchpoint, priority)",
    ]
    assert apply(changed) == []


def test_a_plan_changes_nothing(app: Flask) -> None:
    apply(MEADOW)
    before = everything()
    assert plan(MEADOW.replace("Customer care", "Care") + "---\n" + SURVEY, prune=True) == [
        "  ~ department care  (name)",
        "  + survey s",
    ]
    assert plan("departments: []", prune=True) == [
        "  - department care",
        "  - source shop",
        "  - segment premium",
        "  - offer winback-10",
        "  - survey nps-upgrade",
        "  - trigger unhappy-upgrade",
        "  - trigger upgrade-nps",
    ]
    assert everything() == before


def test_only_what_changed_gets_a_new_version(app: Flask) -> None:
    apply(MEADOW)
    apply(MEADOW.replace("touchpoint: Upgrade", "touchpoint: Up"))
    assert {(t.slug, t.version) for t in stored(Trigger)} == {("upgrade-nps", 2), ("unhappy-upgrade", 1)}
    assert [(v.number, v.body.get("touchpoint")) for v in stored(TriggerVersion) if "touchpoint" in v.body] == [
        (1, "Upgrade"),
        (2, "Up"),
    ]
    assert (len(stored(SurveyVersion)), len(stored(PolicyVersion))) == (1, 1)


def test_the_order_of_fields_is_no_change(app: Flask) -> None:
    apply("departments: [{slug: a, name: A, email: a@b.c}]")
    assert apply("departments: [{email: a@b.c, name: A, slug: a}]") == []


# -- All or nothing


def test_one_fault_anywhere_changes_nothing_anywhere(app: Flask) -> None:
    before = everything()
    loaded = load_definitions({"good.yaml": SURVEY + TRIGGER, "bad.yaml": "departments: [{slug: A}]"})
    assert [fault.file for fault in loaded.faults] == ["bad.yaml"]
    assert everything() == before


def test_a_failure_in_the_middle_changes_nothing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    apply(SURVEY)
    before = everything()

    def fail(*_: object) -> None:
        raise RuntimeError("in the middle")

    monkeypatch.setattr("app.actions.definitions._write_version", fail)  # which surveys get after the departments
    with pytest.raises(RuntimeError, match="in the middle"):
        apply("departments: [{slug: a}]\n" + SURVEY.replace("How likely?", "How very likely?"))
    assert everything() == before


# -- Archived, and back


def test_pruning_archives_what_no_file_names_and_it_comes_back_as_what_it_was(app: Flask) -> None:
    apply(SURVEY + TRIGGER + "departments: [{slug: care}]")
    ids = (stored(Survey)[0].id, stored(Trigger)[0].id)
    assert apply("departments: [{slug: care}]", prune=True) == ["  - survey s", "  - trigger t"]
    assert (stored(Survey)[0].archived_at is None, stored(Trigger)[0].archived_at is None) == (False, False)
    assert "triggers" not in export_definitions()
    assert apply("departments: [{slug: care}]", prune=True) == []
    assert apply(SURVEY + TRIGGER) == ["  + survey s", "  + trigger t"]
    assert (stored(Survey)[0].id, stored(Trigger)[0].id) == ids
    assert (stored(Survey)[0].archived_at, stored(Trigger)[0].archived_at) == (None, None)


def test_an_archived_trigger_asks_nobody(
    app: Flask, client: FlaskClient, key: dict[str, str], work: Callable[[], None]
) -> None:
    apply(SURVEY + TRIGGER)
    apply(SURVEY, prune=True)
    tell(client, key, event(contact={"id": "c", "email": "a@example.com"}))
    work()
    assert listed(client, key, "/decisions") == []


@on_sqlite
def test_a_source_that_is_built_in_is_never_pruned(app: Flask, client: FlaskClient, key: dict[str, str]) -> None:
    apply("departments: []", prune=True)
    tell(client, key, event())


# -- Secrets


def secrets() -> list[str]:
    return [unseal(sealed) for row in stored(Source, Source.slug == "shop") for sealed in row.secrets]


def source(secret: str, scheme: str = "bearer") -> str:
    return f'sources: [{{slug: shop, scheme: {scheme}, secret: {secret}, map: {{type: "body.type"}}}}]'


def test_a_secret_is_kept_changed_and_never_stored_as_it_is(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE", "first-secret")
    monkeypatch.setenv("TWO", "second-secret")
    apply(source("{env: ONE}"))
    assert (secrets(), "first-secret" in repr(everything())) == (["first-secret"], False)
    assert apply(source("{env: ONE}")) == []
    monkeypatch.setenv("ONE", "rotated-secret")
    assert apply(source("{env: ONE}")) == ["  ~ source shop  (secret)"]
    assert secrets() == ["rotated-secret"]
    monkeypatch.delenv("ONE")
    apply(source("{keep: true}"))
    assert secrets() == ["rotated-secret"]
    apply(source("[{keep: true}, {env: TWO}]"))
    assert secrets() == ["rotated-secret", "second-secret"]
    apply(source("[{keep: true}, {keep: true}]", scheme="basic, user: u"))
    assert secrets() == ["rotated-secret", "second-secret"]
    apply(source("{env: TWO}"))
    assert secrets() == ["second-secret"]
    assert "secret: {env: TWO}" in export_definitions()["sources"] or "env: TWO" in export_definitions()["sources"]


def test_a_secret_that_is_not_there_cannot_be_kept_and_nothing_is_changed(app: Flask) -> None:
    before = everything()
    for secret in ("{keep: true}", "[{keep: true}, {keep: true}]"):
        with pytest.raises(MissingSecret, match="shop"):
            apply(SURVEY + source(secret))
        with pytest.raises(MissingSecret, match="shop"):
            plan(SURVEY + source(secret))
    assert everything() == before


# -- Codes


def test_codes_are_added_and_given_ones_stay_given(app: Flask) -> None:
    apply("offers: [{slug: o, codes: [A, B]}]")
    assert apply("offers: [{slug: o, codes: [B, C]}]") == ["  ~ offer o  (1 new codes)"]
    assert apply("offers: [{slug: o}]") == []
    assert sorted(c.code for c in stored(OfferCode)) == ["A", "B", "C"]
    assert apply("offers: [{slug: o, expires: 30d, codes: [A]}]") == ["  ~ offer o  (expires)"]
