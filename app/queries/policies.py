"""The contact policy in force, and everything else that rules need besides the triggers."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app.extensions import db, remembered
from app.models.accounts import Installation
from app.models.decisions import Decision
from app.models.policies import PolicyVersion
from app.queries.crises import crises_at
from app.queries.events import first_event_since
from app.text.holidays import Holidays
from surveys.contact_policy import ContactPolicy, read_policy
from surveys.definition import read
from surveys.gates import Rules
from surveys.quotas import Standing

HOLIDAYS = Holidays()


def policy_number() -> int:
    """The version in force; 0 while no policy was ever written."""
    return db.session.scalar(select(func.max(PolicyVersion.number))) or 0


@remembered
def policy_version(number: int) -> ContactPolicy:
    body = db.session.scalar(select(PolicyVersion.body).where(PolicyVersion.number == number))
    return read(body or {}, read_policy)


def policy_definition() -> dict[str, Any] | None:
    body: dict[str, Any] | None = db.session.scalar(
        select(PolicyVersion.body).order_by(PolicyVersion.number.desc()).limit(1)
    )
    return body


def limit_stops(since: datetime) -> tuple[dict[str, int], int]:
    """How many decisions each limit stopped since then, by its name, and how many decisions there were."""
    recent = (Decision.event_id >= first_event_since(since), Decision.decided_at >= since)
    rows = db.session.execute(
        select(Decision.detail, func.count())
        .where(*recent, Decision.reason == "contact_limit")
        .group_by(Decision.detail)
    )
    stops: dict[str, int] = {}
    for detail, n in rows:
        name = (detail or {}).get("rule") or ""
        stops[name] = stops.get(name, 0) + n
    total = db.session.scalar(select(func.count()).select_from(Decision).where(*recent)) or 0
    return stops, total


def rules_of(number: int, company_zone: str) -> Rules:
    """The rules with the policy of that version, and nothing that depends on the moment."""
    return Rules(policy_version(number), *_salts(), company_zone, holidays=HOLIDAYS)


def rules_at(now: datetime, company_zone: str, standings: Mapping[str, Standing] | None = None) -> tuple[int, Rules]:
    """The version of the policy that is in force now, and the rules with it."""
    number = policy_number()
    return number, replace(rules_of(number, company_zone), standings=standings or {}, crises=crises_at(now))


@remembered
def _salts() -> tuple[bytes, bytes]:
    """What every draw is keyed with; never changed."""
    row = db.session.execute(select(Installation.sampling_salt, Installation.holdout_salt)).one()
    return row.sampling_salt, row.holdout_salt
