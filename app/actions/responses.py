"""Answers: stored once per invitation, however often they are sent, and scored."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, text, update
from sqlalchemy.orm import Session

from app.extensions import (
    Document,
    UtcDateTime,
    at_once,
    insert_into,
    insert_rows,
    is_sqlite,
    table_of,
    transaction,
)
from app.links import new_public_id
from app.models.accounts import AuditEntry
from app.models.deliveries import Delivery
from app.models.events import Event, EventKey
from app.models.invitations import Invitation
from app.models.responses import Response, Score
from app.models.rollups import DirtyDay, ResponseTopic
from app.models.sources import Source
from app.models.surveys import AnswerQuotaUse, SurveyVersion
from app.queries.members import segments_at
from app.queries.offers import take_code
from app.queries.responses import unscored_responses
from app.queries.surveys import survey_version
from app.text.topics import topics
from surveys.lifecycle import ANSWERABLE
from surveys.scoring import scores
from surveys.segments import written_together
from surveys.survey import AnswerQuota

INTERNAL, ANONYMOUS = "otklik", "survey.held"
FULL = "quota_full"
"""Why an invitation was answered and its answers were not kept: enough of the kind were there."""


@dataclass(frozen=True)
class Finished:
    """A whole response: the answers that count, the offer of its ending, the quotas it takes a place in."""

    answers: dict[str, Any]
    offer: str | None
    quotas: Sequence[AnswerQuota] = ()


Finish = Callable[[Mapping[str, Any]], Finished]


@dataclass(frozen=True)
class Recorded:
    """What became of a submit: ``state`` of the invitation afterwards, all answers, and the code given, if any."""

    state: str
    answers: Mapping[str, Any]
    stored: bool
    code: str | None = None


_invitations, _responses, _deliveries = table_of(Invitation), table_of(Response), table_of(Delivery)
# Made once: to build a statement costs as much as to run it, and every answer runs these.
_LOCK_INVITATION = (
    select(
        _invitations.c.id,
        _invitations.c.state,
        _invitations.c.expires_at,
        _invitations.c.started_at,
        _invitations.c.survey_version_id,
        _invitations.c.contact_id,
        _invitations.c.language,
    )
    .where(_invitations.c.id == bindparam("invitation"))
    .with_for_update()
)
_FIND_RESPONSE = select(_responses.c.id, _responses.c.answers).where(
    _responses.c.invitation_id == bindparam("invitation")
)
_ADD_RESPONSE = insert(_responses).returning(_responses.c.id)
_CHANGE_RESPONSE = update(_responses).where(_responses.c.id == bindparam("response"))
_MOVE_INVITATION = update(_invitations).where(_invitations.c.id == bindparam("invitation"))
_SETTLE_DELIVERY = (
    update(_deliveries)
    .where(
        _deliveries.c.invitation_id == bindparam("invitation"),
        _deliveries.c.state.in_(("handing_over", "unknown")),
    )
    .values(state="delivered", act_at=None, settled_at=bindparam("now"))
)
# The common case, a survey answered in one go, is one statement and so one round trip: a transaction of six costs twice
# the processor's time. It finds nothing where anybody has begun to answer, or may not; then all is looked at.
_ANSWER_AT_ONCE = text("""
    WITH asked AS MATERIALIZED (
        SELECT id, survey_version_id, contact_id, language FROM invitations
        WHERE id = :invitation AND state = 'open' AND started_at IS NULL
            AND (expires_at IS NULL OR expires_at > :now)
        FOR UPDATE
    ), stored AS (
        INSERT INTO responses (invitation_id, survey_version_id, contact_id, language, answers, complete, started_at,
            changed_at, completed_at)
        SELECT id, survey_version_id, contact_id, language, :answers, true, :now, :now, :now FROM asked
        RETURNING id
    ), moved AS (
        UPDATE invitations SET state = 'completed', started_at = :now, completed_at = :now FROM asked
        WHERE invitations.id = asked.id
    ), settled AS (
        UPDATE deliveries SET state = 'delivered', act_at = NULL, settled_at = :now FROM asked
        WHERE deliveries.invitation_id = asked.id AND deliveries.state IN ('handing_over', 'unknown')
    )
    SELECT id FROM stored
""").bindparams(bindparam("answers", type_=Document), bindparam("now", type_=UtcDateTime()))


def record_response(
    invitation_id: int,
    given: Mapping[str, Any],
    finish: Finish | None,
    now: datetime,
    *,
    begun: bool = True,
    quotas: Sequence[AnswerQuota] = (),
) -> Recorded:
    """Add what was given (None takes an answer back) to the answers so far; with ``finish`` the response is final.

    ``finish`` gets all answers, those of other tabs too, and returns those that count and the offer of the ending.
    A second submit of a final response changes nothing, and neither does one that comes after the invitation closed.
    The row of the invitation is locked, so that two tabs and a retry make one response. Where nothing was ``begun``, as
    far as the caller knows, a whole response is tried in one step first. ``quotas`` are those that the answers so far
    fall under: where one is full, there is no need to go on.
    """
    if finish is not None and not begun and not is_sqlite():
        whole = finish({k: v for k, v in given.items() if v is not None})
        if whole.offer is None and not whole.quotas and _answer_at_once(invitation_id, whole.answers, now):
            return Recorded("completed", whole.answers, stored=True)
    with transaction() as session:
        connection = session.connection()
        asked = connection.execute(_LOCK_INVITATION, {"invitation": invitation_id}).one()
        over = asked.expires_at is not None and asked.expires_at <= now
        if asked.state not in ANSWERABLE or over:
            return Recorded("expired" if over and asked.state in ANSWERABLE else asked.state, {}, stored=False)
        # Who has not started has no response: the lock was waited for, so this is how it is now.
        before = (
            connection.execute(_FIND_RESPONSE, {"invitation": asked.id}).one_or_none() if asked.started_at else None
        )
        answers = {k: v for k, v in {**(before.answers if before else {}), **given}.items() if v is not None}
        offer, full = None, False
        if finish is None:
            full = _one_is_full(session, asked.survey_version_id, quotas)
        else:
            whole = finish(answers)
            full = not _take_places(session, asked.survey_version_id, whole.quotas)
            answers, offer = whole.answers, whole.offer
        final = finish is not None and not full
        response_id = _write(connection, asked, before.id if before else None, answers, now, final=final)
        if full:
            return _let_go(session, asked.id, response_id, now)
        if finish is None:
            return Recorded("started", answers, stored=True)
        return Recorded("completed", answers, stored=True, code=_give_code(offer, response_id, now))


def _take_places(session: Session, version_id: int, quotas: Sequence[AnswerQuota]) -> bool:
    """Take a place in each of the quotas, whose rows are locked in one order; none where one of them is full."""
    if not quotas:
        return True
    survey_id = session.scalars(select(SurveyVersion.survey_id).where(SurveyVersion.id == version_id)).one()
    limits = {quota.name: quota.max for quota in quotas}
    rows = [{"survey_id": survey_id, "name": name, "used": 0} for name in sorted(limits)]
    session.execute(insert_into(AnswerQuotaUse).on_conflict_do_nothing(), rows)
    places = session.scalars(
        select(AnswerQuotaUse)
        .where(AnswerQuotaUse.survey_id == survey_id, AnswerQuotaUse.name.in_(limits))
        .order_by(AnswerQuotaUse.name)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    if any(place.used >= limits[place.name] for place in places):
        return False
    for place in places:
        place.used += 1
    return True


def _one_is_full(session: Session, version_id: int, quotas: Sequence[AnswerQuota]) -> bool:
    """Whether no place is left in one of these quotas; none is taken."""
    if not quotas:
        return False
    survey_id = session.scalars(select(SurveyVersion.survey_id).where(SurveyVersion.id == version_id)).one()
    used = select(AnswerQuotaUse.name, AnswerQuotaUse.used).where(AnswerQuotaUse.survey_id == survey_id)
    taken = {name: n for name, n in session.execute(used)}
    return any(taken.get(quota.name, 0) >= quota.max for quota in quotas)


def _let_go(session: Session, invitation_id: int, response_id: int, now: datetime) -> Recorded:
    """Enough were there already: the invitation is over. What was answered is kept, but never counted or announced."""
    session.execute(update(Response).where(Response.id == response_id).values(announced_at=now))
    session.execute(
        update(Invitation).where(Invitation.id == invitation_id).values(state="completed", reason=FULL, remind_at=None)
    )
    return Recorded(FULL, {}, stored=False)


def record_unknown(invitation_id: int, whole: Finished, day: datetime, now: datetime) -> Recorded:
    """Store anonymous answers, whole, under an invitation of nobody; the one that asked only knows that it is over.

    Both bear the day and no hour: nothing joins the two, but that they are of one day, trigger and channel.
    """
    with transaction() as session:
        asked = session.get(Invitation, invitation_id, with_for_update=True, populate_existing=True)
        assert asked is not None  # it was found a moment ago
        over = asked.expires_at is not None and asked.expires_at <= now
        if asked.state not in ANSWERABLE or over:
            return Recorded("expired" if over and asked.state in ANSWERABLE else asked.state, {}, stored=False)
        full = not _take_places(session, asked.survey_version_id or 0, whole.quotas)
        asked.state, asked.started_at = "completed", max(day, asked.handed_over_at or day)
        asked.completed_at, asked.remind_at = None if full else asked.started_at, None
        asked.reason = FULL if full else None
        holder_id = asked.id if asked.contact_id is None else _hold(session, asked, day)
        session.add(
            Response(
                invitation_id=holder_id,
                survey_version_id=asked.survey_version_id,
                contact_id=None,
                language=asked.language,
                answers=whole.answers,
                complete=not full,
                started_at=day,
                changed_at=day,
                completed_at=None if full else day,
                announced_at=day if full else None,
            )
        )
    return Recorded(FULL, {}, stored=False) if full else Recorded("completed", whole.answers, stored=True)


def _hold(session: Session, asked: Invitation, day: datetime) -> int:
    """An invitation of nobody, by which anonymous answers are counted; never sent, and never completed itself."""
    source_id = session.scalars(select(Source.id).where(Source.slug == INTERNAL)).one()
    public_id = new_public_id()
    external_id = f"anonymous-{public_id}"
    digest = blake2b(external_id.encode(), digest_size=16).digest()
    key = EventKey(source_id=source_id, external_id=external_id, body_hash=digest)
    session.add(key)
    session.flush()
    session.add(
        Event(
            id=key.event_id,
            source_id=source_id,
            external_id=external_id,
            type=ANONYMOUS,
            occurred_at=day,
            received_at=day,
            properties={"touchpoint": asked.touchpoint} if asked.touchpoint else {},
            depth=0,
            history=True,
        )
    )
    held = Invitation(
        public_id=public_id,
        event_id=key.event_id,
        trigger_id=asked.trigger_id,
        trigger_version=asked.trigger_version,
        action=asked.action,
        survey_version_id=asked.survey_version_id,
        class_=asked.class_,
        channel=asked.channel,
        touchpoint=asked.touchpoint,
        language=asked.language,
        probability=asked.probability,
        state="completed",
        reason=asked.reason,
        created_at=day,
        planned_at=day,
        stale_at=day,
    )
    session.add(held)
    session.flush()
    return held.id


def _answer_at_once(invitation_id: int, answers: Mapping[str, Any], now: datetime) -> bool:
    with at_once() as connection:
        stored = connection.execute(
            _ANSWER_AT_ONCE, {"invitation": invitation_id, "answers": dict(answers), "now": now}
        )
        return stored.one_or_none() is not None


def _write(
    connection: Connection, asked: Any, response_id: int | None, answers: dict[str, Any], now: datetime, *, final: bool
) -> int:
    """Write the response and what follows for its invitation; returns the response's id."""
    ended = {"completed_at": now} if final else {}
    said = {"answers": answers, "changed_at": now, "complete": final, "scored_at": None, **ended}
    if response_id is None:
        first = {
            "invitation_id": asked.id,
            "survey_version_id": asked.survey_version_id,
            "contact_id": asked.contact_id,
            "language": asked.language,
            "started_at": now,
        }
        response_id = int(connection.execute(_ADD_RESPONSE, {**first, **said}).scalar_one())
    else:
        connection.execute(_CHANGE_RESPONSE, {"response": response_id, **said})
    state = "completed" if final else "started"
    moved = {"invitation": asked.id, "state": state, "started_at": asked.started_at or now, **ended}
    connection.execute(_MOVE_INVITATION, moved)
    # Whoever answers has got the message, whatever the mail server left open.
    connection.execute(_SETTLE_DELIVERY, {"invitation": asked.id, "now": now})
    return response_id


def _give_code(offer: str | None, response_id: int, now: datetime) -> str | None:
    """Take a free code out of the offer's pool; None when there is no offer or the pool is empty."""
    if offer is None:
        return None
    free = take_code(offer, now)
    if free is None:
        return None
    free.response_id = response_id
    return free.code


def record_reading(survey: str, detail: Mapping[str, Any], actor: str, now: datetime) -> None:
    """Keep who read answers to a sensitive survey: before they are shown, so that nothing is read unseen."""
    with transaction() as session:
        session.add(AuditEntry(at=now, actor=actor, verb="read", kind="answers", object=survey, detail=dict(detail)))


def score_responses(limit: int, now: datetime) -> int:
    """Read scores, topics and segments of complete responses, and mark the days they count in. Returns how many."""
    with transaction() as session:
        found = unscored_responses(limit)
        rows = [
            {"response_id": r.id, "question": s.question, "metric": s.metric, "value": s.value}
            for r in found
            for s in scores(survey_version(r.survey_version_id), r.answers)
        ]
        if rows:
            statement = insert_into(Score)
            session.execute(
                statement.on_conflict_do_update(
                    index_elements=["response_id", "question"], set_={"value": statement.excluded.value}
                ),
                rows,
            )
        _keep_topics(session, found)
        moments = {r.completed_at for r in found} | {
            at
            for at in session.scalars(
                select(Invitation.handed_over_at).where(Invitation.id.in_([r.invitation_id for r in found]))
            )
            if at
        }
        insert_rows(session, DirtyDay, [{"moment": m} for m in moments])
        told = {(r.contact_id, r.completed_at) for r in found if r.contact_id is not None and r.completed_at}
        segments = segments_at(told)
        for response in found:
            response.scored_at = now
            who = (response.contact_id, response.completed_at or now)
            response.segments = written_together(segments.get(who, ()))
    return len(found)


def _keep_topics(session: Session, responses: Collection[Response]) -> None:
    touched = [
        {"response_id": response.id, "topic": topic}
        for response in responses
        for topic in {topic for text in _comments(response) for topic in topics(text)}
    ]
    if touched:
        session.execute(insert_into(ResponseTopic).on_conflict_do_nothing(), touched)


def _comments(response: Response) -> list[str]:
    survey = survey_version(response.survey_version_id)
    if survey.sensitive:
        return []
    asked = {q.id for q in survey.questions if q.type == "text"}
    return [value for name, value in response.answers.items() if name in asked and isinstance(value, str)]
