"""How the company goes on living, and how its making begins again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from flask import Flask
from sqlalchemy import func, select

import config
from app.cli import demo
from app.clock import utcnow
from app.demo.live import AT_FIRST, LIVE, Doors, Life, _Rhythm
from app.extensions import db
from app.models.events import Event
from app.models.responses import Response
from app.models.sources import Source


@dataclass(frozen=True)
class NearDoors(Doors):
    """The same doors, without a network between."""

    app: Flask

    def _ask(self, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        client = self.app.test_client()
        if body is None:
            answer = client.get(path, headers=dict(headers))
        else:
            given = dict(headers) or {"Content-Type": "application/x-www-form-urlencoded"}
            answer = client.post(path, data=body, headers=given)
        assert answer.status_code in (200, 202, 303), answer.text
        return bytes(answer.data)


@pytest.fixture
def life(app: Flask, made: object) -> Life:
    settings = config.load({}, language="en", company_zone="Europe/London")
    return Life(settings, NearDoors("", app.config["DATA_DIR"], app), utcnow())


def test_everything_that_happens_is_taken_at_the_doors_of_its_source(
    life: Life, app: Flask, work: Callable[[], None]
) -> None:
    now = utcnow()
    midday = now.replace(hour=12) if now.hour >= 12 else now - timedelta(hours=now.hour + 12)
    for number in range(60):
        life.happen(midday - timedelta(hours=(0, 6)[number % 2]))
    heard = dict(
        db.session.execute(
            select(Source.slug, func.count())
            .join(Event, Event.source_id == Source.id)
            .where(Event.external_id.startswith(LIVE))
            .group_by(Source.slug)
        ).all()
    )
    assert sum(heard.values()) == 60
    assert set(heard) <= {"shop", "couriers", "support-desk"}
    assert len(heard) >= 2
    work()


def test_an_answer_comes_through_the_page_its_link_leads_to(life: Life, work: Callable[[], None]) -> None:
    before = db.session.scalar(select(func.count()).select_from(Response)) or 0
    assert sum(life.answer(utcnow()) for _ in range(12)) == 12
    work()
    db.session.rollback()
    after = db.session.scalars(select(Response).order_by(Response.id.desc()).limit(12)).all()
    assert (db.session.scalar(select(func.count()).select_from(Response)) or 0) == before + 12
    assert all(response.complete and response.scored_at for response in after)


def test_it_is_lively_for_a_quarter_of_an_hour_and_then_at_its_own_pace() -> None:
    began = datetime(2026, 11, 21, 12, tzinfo=UTC)
    done: list[datetime] = []
    rhythm = _Rhythm(done.append, 6.0, 384.0, began)
    for second in range(int(AT_FIRST.total_seconds()) + 3600):
        rhythm.turn(began + timedelta(seconds=second), began)
    lively = [at for at in done if at - began < AT_FIRST]
    assert len(lively) == 150
    assert len(done) - len(lively) == pytest.approx(3600 / 384, abs=1)


@pytest.fixture
def settings_of_demo(tmp_path: Path) -> config.Settings:
    settings = demo.demo_settings(config.load({}, data_dir=tmp_path))
    settings.data_dir.mkdir()
    return settings


def test_the_demo_has_a_folder_a_database_and_a_mailbox_of_its_own(tmp_path: Path) -> None:
    told = config.load(
        {}, data_dir=tmp_path, database_url="postgresql://elsewhere/company", smtp_url="smtp://mail.example:25"
    )
    settings = demo.demo_settings(told)
    assert (settings.data_dir, settings.database_url, settings.smtp_url) == (tmp_path / "demo", "", "")
    assert (settings.demo, settings.company_name) == (True, "Meadow")
    assert demo.demo_settings(config.load({}, company_name="My own")).company_name == "My own"
    assert demo.demo_settings(config.load({}, language="ru")).company_zone == "Europe/Moscow"


def test_a_making_that_broke_off_leaves_no_company_and_is_begun_again(
    settings_of_demo: config.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = settings_of_demo.data_dir

    def break_off(settings: config.Settings, _now: datetime, _progress: object) -> None:
        Path(settings.database_url.removeprefix("sqlite:///")).write_text("half a company")
        raise RuntimeError("cut off")

    monkeypatch.setattr(demo, "make_company", break_off)
    with pytest.raises(click.ClickException, match="begun again"):
        demo.prepare_demo(settings_of_demo, lambda: False)
    assert not (folder / demo.DATABASE).exists()

    def make(settings: config.Settings, _now: datetime, _progress: object) -> None:
        draft = Path(settings.database_url.removeprefix("sqlite:///"))
        assert not draft.exists(), "what was half done is gone"
        draft.write_text("a company")

    monkeypatch.setattr(demo, "make_company", make)
    demo.prepare_demo(settings_of_demo, lambda: False)
    assert (folder / demo.DATABASE).read_text() == "a company"

    monkeypatch.setattr(demo, "make_company", break_off)
    demo.prepare_demo(settings_of_demo, lambda: False)
    assert (folder / demo.DATABASE).read_text() == "a company", "what is there is not made again"


def test_the_terminal_says_where_to_go_and_a_log_gets_no_password(
    settings_of_demo: config.Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    (settings_of_demo.data_dir / demo.PASSWORD).write_text("pearl-otter-lantern-42")
    told = demo.welcome(settings_of_demo, "embedded", "K7Q2-9FXM")
    assert "/start?code=K7Q2-9FXM" in told
    assert "mail is caught: nothing leaves this machine" in told
    assert "pearl-otter" not in told
