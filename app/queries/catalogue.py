"""Surveys and triggers as their lists show them: what they ask, how they do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from app.extensions import db
from app.models.decisions import ConditionMiss, Decision
from app.models.invitations import Invitation
from app.models.responses import Response
from app.models.rollups import Rollup
from app.models.surveys import Survey, SurveyVersion
from app.models.triggers import Trigger
from app.queries.events import first_event_since
from app.queries.overview import moments, today
from app.queries.rollups import COUNTS, METRICS
from app.queries.sealed import TELLING
from app.queries.surveys import survey_definitions
from app.queries.triggers import trigger_definitions, trigger_version
from dashboards.readers import Days
from surveys.conditions import fields_of
from surveys.definition import read
from surveys.statistics import Figure
from surveys.triggers import Send, paths_told, read_trigger
from surveys.triggers import Trigger as Rule


@dataclass(frozen=True)
class SurveyRow:
    """A survey in its list.

    ``answers`` sent in since the first of its days, ``median`` seconds from start to end, ``daily`` answers of 30 days.
    """

    slug: str
    body: Mapping[str, Any]
    version: int
    triggers: list[str]
    touchpoints: list[str]
    live: bool
    metric: str | None
    score: Figure | None
    rate: Figure
    answers: int
    median: float | None
    daily: list[int]


def survey_rows(begin: date) -> list[SurveyRow]:
    """Every survey in force, its figures of the days from ``begin`` on."""
    used: dict[str, list[tuple[str, str]]] = {}
    touchpoints: dict[str, list[str]] = {}
    for slug, body in trigger_definitions().items():
        for action in body.get("then", ()):
            if survey := (action.get("send") or {}).get("survey"):
                used.setdefault(survey, []).append((body.get("name") or slug, body.get("status", "draft")))
                touchpoints.setdefault(survey, []).append(body.get("touchpoint") or "")
    sums = [func.coalesce(func.sum(getattr(Rollup, name)), 0).label(name) for name in COUNTS]
    counts = {
        row.slug: row
        for row in db.session.execute(
            select(Survey.slug, *sums)
            .join(Rollup, Rollup.survey_id == Survey.id)
            .where(Rollup.day >= begin, Rollup.dimension == "")
            .group_by(Survey.slug)
        )
    }
    daily, answers = _daily(today()), _sent_in(begin)
    versions = {
        slug: number for slug, number in db.session.execute(select(Survey.slug, Survey.version)) if number is not None
    }
    found = []
    for slug, body in survey_definitions().items():
        row = counts.get(slug)
        metric = next(
            (q["type"] for p in body["pages"] for q in p["questions"] if q["type"] in ("nps", "csat", "ces")), None
        )
        found.append(
            SurveyRow(
                slug=slug,
                body=body,
                version=versions[slug],
                triggers=[name for name, _ in used.get(slug, ())],
                touchpoints=sorted(filter(None, set(touchpoints.get(slug, ())))),
                live=any(status in ("live", "pilot") for _, status in used.get(slug, ())),
                metric=metric,
                score=METRICS[metric](row) if metric and row else None,
                rate=METRICS["response-rate"](row) if row else Figure(None, 0, None, None),
                answers=answers.get(slug, 0),
                median=_median_seconds(slug),
                daily=daily.get(slug, [0] * 30),
            )
        )
    return found


@dataclass(frozen=True)
class Linked:
    """A trigger that asks a survey, or (``asks`` is not so) listens to its answers."""

    slug: str
    name: str
    status: str
    asks: bool


def linked_triggers(survey: str) -> list[Linked]:
    """Every trigger that has to do with a survey, those that ask it first."""
    found = []
    for slug, body in trigger_definitions().items():
        rule = read(body, read_trigger)
        asks = any(send.survey == survey for _, send in rule.sends)
        if asks or (rule.event == "survey.answered" and _is_about(rule, survey)):
            found.append(Linked(slug, rule.name, rule.status, asks))
    return sorted(found, key=lambda one: (not one.asks, one.name))


def _is_about(rule: Rule, survey: str) -> bool:
    """Whether a clause of a trigger names this survey."""
    named = [tree.get("value") for tree in rule.condition.trees if tree.get("field") == "properties.survey"]
    return any(survey == value or (isinstance(value, list) and survey in value) for value in named)


@dataclass(frozen=True)
class Hearing:
    """A trigger that hears what was answered: whether its condition reads it, and whether it tells or remembers it."""

    slug: str
    name: str
    reads: bool
    tells: bool


ANSWERED = ("answers", "properties.answers", "properties.scores")
"""Where an event tells what was answered."""


def hearing_triggers(survey: str) -> list[Hearing]:
    """Every trigger that does something with the answers to a survey, by name."""
    rules = [read(body, read_trigger) for body in trigger_definitions().values()]
    found = [
        Hearing(
            rule.slug,
            rule.name,
            reads=any(_of_answers(path) for tree in rule.condition.trees for path in fields_of(tree)),
            tells=any(_of_answers(path) for action in rule.actions for path in paths_told(action)),
        )
        for rule in rules
        if rule.event in TELLING and _hears(rule, survey)
    ]
    return sorted((one for one in found if one.reads or one.tells), key=lambda one: one.name)


def _of_answers(path: str) -> bool:
    return any(path == root or path.startswith(f"{root}.") for root in ANSWERED)


def _hears(rule: Rule, survey: str) -> bool:
    """Whether no clause of a trigger keeps the answers to this survey out."""
    return not any(
        _keeps_out(tree, survey) for tree in rule.condition.trees if tree.get("field") == "properties.survey"
    )


def _keeps_out(tree: Mapping[str, Any], survey: str) -> bool:
    value = tree.get("value")
    named = survey in value if isinstance(value, list) else survey == value
    return {"eq": not named, "in": not named, "ne": named, "not_in": named}.get(str(tree.get("op")), False)


def _sent_in(begin: date) -> dict[str, int]:
    """Complete answers since that day, by survey, whether they carry a score or not."""
    since, _end = moments(Days(begin, begin))
    rows = db.session.execute(
        select(Survey.slug, func.count(Response.id))
        .join(SurveyVersion, SurveyVersion.survey_id == Survey.id)
        .join(Response, Response.survey_version_id == SurveyVersion.id)
        .where(Response.changed_at >= since, Response.complete.is_(True))
        .group_by(Survey.slug)
    )
    return {slug: n for slug, n in rows}


def _daily(last: date) -> dict[str, list[int]]:
    """Answers of each of the 30 company days up to ``last``, by survey."""
    first = last - timedelta(days=29)
    rows = db.session.execute(
        select(
            Survey.slug,
            Rollup.day,
            func.sum(Rollup.promoters + Rollup.passives + Rollup.detractors + Rollup.csat_count + Rollup.ces_count),
        )
        .join(Rollup, Rollup.survey_id == Survey.id)
        .where(Rollup.day >= first, Rollup.dimension == "")
        .group_by(Survey.slug, Rollup.day)
    )
    found: dict[str, list[int]] = {}
    for slug, day, n in rows:
        at = (day - first).days
        if 0 <= at < 30:  # noqa: PLR2004 the days of the line
            found.setdefault(slug, [0] * 30)[at] += int(n or 0)
    return found


def _median_seconds(slug: str) -> float | None:
    """Of the last hundred complete responses."""
    rows = db.session.execute(
        select(Response.started_at, Response.completed_at)
        .join(SurveyVersion, SurveyVersion.id == Response.survey_version_id)
        .join(Survey, Survey.id == SurveyVersion.survey_id)
        .where(Survey.slug == slug, Response.complete.is_(True))
        .order_by(Response.id.desc())
        .limit(100)
    )
    taken = sorted((done - begun).total_seconds() for begun, done in rows if done)
    return taken[len(taken) // 2] if taken else None


@dataclass(frozen=True)
class TriggerRow:
    """A trigger in its list; counts are of the time since ``since``."""

    id: int
    rule: Rule
    version: int
    surveys: list[str]
    decided: int
    asked: int
    answered: int


def trigger_rows(since: datetime) -> list[TriggerRow]:
    rows = db.session.execute(
        select(Trigger.id, Trigger.version).where(Trigger.archived_at.is_(None)).order_by(Trigger.slug)
    ).all()
    decided = {
        (trigger_id, outcome): n
        for trigger_id, outcome, n in db.session.execute(
            select(Decision.trigger_id, Decision.outcome, func.count())
            .where(Decision.event_id >= first_event_since(since), Decision.decided_at >= since)
            .group_by(Decision.trigger_id, Decision.outcome)
        )
    }
    answered = {
        trigger_id: n
        for trigger_id, n in db.session.execute(
            select(Invitation.trigger_id, func.count())
            .where(Invitation.completed_at >= since)
            .group_by(Invitation.trigger_id)
        )
    }
    found = []
    for trigger_id, number in rows:
        rule = trigger_version(trigger_id, number)
        total = sum(n for (i, _), n in decided.items() if i == trigger_id)
        surveys = [a.survey for a in rule.actions if isinstance(a, Send) and a.survey]
        found.append(
            TriggerRow(
                trigger_id,
                rule,
                number,
                surveys,
                total,
                decided.get((trigger_id, "invited"), 0),
                answered.get(trigger_id, 0),
            )
        )
    return found


def missed(trigger_id: int, begin: date) -> int:
    """How many events a trigger's condition turned away since that day."""
    return int(
        db.session.scalar(
            select(func.coalesce(func.sum(ConditionMiss.events), 0)).where(
                ConditionMiss.trigger_id == trigger_id, ConditionMiss.day >= begin
            )
        )
        or 0
    )


@dataclass(frozen=True)
class StoryDay:
    """What a trigger did on a day: outcome or reason → how many."""

    day: date
    counts: Mapping[str, int]


def trigger_story(trigger_id: int, since: datetime) -> list[StoryDay]:
    """Day by day (UTC), the newest first."""
    on = func.date(Decision.decided_at)
    rows = db.session.execute(
        select(on, Decision.outcome, Decision.reason, func.count())
        .where(
            Decision.trigger_id == trigger_id,
            Decision.event_id >= first_event_since(since),
            Decision.decided_at >= since,
        )
        .group_by(on, Decision.outcome, Decision.reason)
    )
    days: dict[date, dict[str, int]] = {}
    for day, outcome, reason, n in rows:
        when = date.fromisoformat(str(day))
        counts = days.setdefault(when, {})
        counts[reason or outcome] = counts.get(reason or outcome, 0) + n
    return [StoryDay(day, days[day]) for day in sorted(days, reverse=True)]
