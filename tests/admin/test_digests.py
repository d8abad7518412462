"""A view of the overview as a mail: to whom, how it reads, when it is due, once each time, and how it is stopped."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from app import jobs
from app.actions.accounts import change_profile
from app.extensions import transaction
from app.models.accounts import AuditEntry, User
from app.models.deliveries import Delivery
from app.models.digests import Digest
from app.queries.accounts import Account
from app.queries.digests import next_due
from app.queries.work import ready_kinds
from tests.admin.conftest import Person
from tests.admin.test_overview import NOW, counted, filling
from tests.wire import Clock, on_sqlite, stored

__all__ = ["counted", "filling"]  # the company of 800 events
MONDAY = datetime(2026, 3, 23, 0, tzinfo=UTC)  # nine o'clock in Tokyo
SignIn = Callable[..., Person]


def order(person: Person, *to: str, rhythm: str = "weekly", view: str = "") -> int:
    ids = [str(user.id) for user in stored(User) if user.email in to]
    return person.post(f"/digests{view}", rhythm=rhythm, to=ids).status_code


def mails() -> list[dict[str, str]]:
    return [delivery.notice for delivery in stored(Delivery) if delivery.notice]


@pytest.mark.parametrize(
    ("rhythm", "after", "zone", "due"),
    [
        ("weekly", NOW, "Asia/Tokyo", MONDAY),
        ("weekly", MONDAY, "Asia/Tokyo", MONDAY + timedelta(days=7)),
        ("weekly", MONDAY - timedelta(seconds=1), "Asia/Tokyo", MONDAY),
        ("monthly", NOW, "Asia/Tokyo", datetime(2026, 4, 1, 0, tzinfo=UTC)),
        ("monthly", datetime(2026, 12, 1, 9, tzinfo=UTC), "UTC", datetime(2027, 1, 1, 9, tzinfo=UTC)),
        ("weekly", datetime(2026, 3, 27, tzinfo=UTC), "Europe/Berlin", datetime(2026, 3, 30, 7, tzinfo=UTC)),  # summer
    ],
)
def test_a_view_is_due_at_nine_by_the_companys_clock(rhythm: str, after: datetime, zone: str, due: datetime) -> None:
    assert next_due(rhythm, after, zone) == due


def test_each_view_is_written_once_each_time_it_is_due(app: Flask, counted: Clock, sign_in: SignIn) -> None:
    anna, boris = sign_in("manager"), sign_in("designer")
    change_profile(boris.user_id, {"language": "ru"}, NOW)
    assert order(anna, anna.email, boris.email, view="?touchpoint=Delivery") == 303
    assert order(anna, anna.email, view="?touchpoint=Delivery") == 303, "a form sent twice"
    jobs.digest()
    assert mails() == []
    assert "digest" not in ready_kinds(MONDAY - timedelta(seconds=1))
    counted.now = MONDAY
    assert "digest" in ready_kinds(MONDAY)
    jobs.digest()
    jobs.digest()
    english, russian = mails()
    assert (english["to"], russian["to"]) == (anna.email, boris.email)
    assert "CSAT: " in english["text"]
    assert "±" in english["text"]
    assert "no change seen" in english["text"]
    assert "(n " in english["text"]
    assert "/dashboards/?touchpoint=Delivery" in english["text"]
    assert "/profile" in english["text"]
    assert "изменений не видно" in russian["text"]
    assert "Open tasks" not in russian["text"]
    counted.now = MONDAY + timedelta(days=22)
    jobs.digest()
    assert len(mails()) == 4, "after three weeks off, each person gets one"
    assert {d.next_at for d in stored(Digest)} == {MONDAY + timedelta(days=28)}


@on_sqlite
def test_who_may_not_see_figures_any_more_gets_none(app: Flask, counted: Clock, sign_in: SignIn) -> None:
    anna, boris, vera = sign_in("admin"), sign_in("designer"), sign_in("manager")
    agent = sign_in("agent", "care")
    assert order(anna, anna.email, boris.email, vera.email, agent.email) == 303
    assert len(stored(Digest)) == 3, "nobody is chosen who may not see figures"
    with transaction() as session:
        session.query(User).filter(User.email == boris.email).update({"role": "agent"})
        session.query(User).filter(User.email == vera.email).update({"disabled_at": NOW})
    counted.now = MONDAY
    jobs.digest()
    assert [mail["to"] for mail in mails()] == [anna.email]
    assert agent.get("/digests").status_code == 403


@on_sqlite
def test_whoever_gets_it_stops_it_in_their_profile_and_nobody_else_can(
    app: Flask, counted: Clock, sign_in: SignIn
) -> None:
    anna, boris = sign_in("admin"), sign_in("manager")
    order(anna, boris.email, rhythm="monthly")
    (digest,) = stored(Digest)
    assert "What you get by mail" in boris.get("/profile").text
    assert "What you get by mail" not in anna.get("/profile").text
    assert anna.post("/profile/digests", id=str(digest.id)).status_code == 303
    assert len(stored(Digest)) == 1
    for _twice in range(2):
        assert boris.post("/profile/digests", id=str(digest.id)).status_code == 303
    assert stored(Digest) == []
    kept = [(e.verb, e.actor, e.object) for e in stored(AuditEntry) if e.kind == "digests"]
    assert kept == [("create", anna.email, boris.email), ("remove", boris.email, boris.email)]


@on_sqlite
def test_a_view_that_cannot_be_written_holds_up_no_other(
    app: Flask, counted: Clock, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = sign_in("admin")
    order(anna, anna.email, view="?touchpoint=Kitchen")
    order(anna, anna.email)
    counted.now, write = MONDAY, jobs._digest_for  # noqa: SLF001 the one that fails

    def fails(person: Account, address: str) -> dict[str, str]:
        if "Kitchen" in address:
            raise RuntimeError("broken")
        return write(person, address)

    monkeypatch.setattr(jobs, "_digest_for", fails)
    jobs.digest()
    assert len(mails()) == 1
    monkeypatch.setattr(jobs, "_digest_for", write)
    counted.now += timedelta(hours=2)
    jobs.digest()
    assert len(mails()) == 2


@on_sqlite
def test_a_form_that_chooses_nobody_keeps_the_view_and_says_so(app: Flask, counted: Clock, sign_in: SignIn) -> None:
    anna = sign_in("admin")
    page = anna.get("/digests?from=2026-03-01&to=2026-03-10&place=Riverside")
    assert 'action="/digests?place=Riverside"' in page.text, "days of one's own would always be the same"
    refused = anna.post("/digests?place=Riverside", rhythm="monthly")
    assert refused.status_code == 422
    assert "Choose at least one person." in refused.text
    assert 'value="monthly" checked' in refused.text
    assert anna.post("/digests", rhythm="hourly", to=["1"]).status_code == 422
    assert anna.post("/digests", rhythm="weekly", to=["no", "999999"]).status_code == 422
    assert stored(Digest) == []
