"""Answers: stored once per invitation, however often they are sent, and scored."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.extensions import insert_into, insert_rows, transaction
from app.models.deliveries import Delivery
from app.models.invitations import Invitation
from app.models.offers import Offer, OfferCode
from app.models.responses import Response, Score
from app.models.rollups import DirtyDay
from app.queries.responses import unscored_responses
from app.queries.surveys import survey_version
from surveys.lifecycle import ANSWERABLE
from surveys.scoring import scores

Finish = Callable[[Mapping[str, Any]], tuple[dict[str, Any], str | None]]


@dataclass(frozen=True)
class Recorded:
    """What became of a submit: ``state`` of the invitation afterwards, all answers, and the code given, if any."""

    state: str
    answers: Mapping[str, Any]
    stored: bool
    code: str | None = None


def record_response(invitation_id: int, given: Mapping[str, Any], finish: Finish | None, now: datetime) -> Recorded:
    """Add what was given (None takes an answer back) to the answers so far; with ``finish`` the response is final.

    ``finish`` gets all answers, those of other tabs too, and returns those that count and the offer of the ending.

    A second submit of a final response changes nothing, and neither does one that comes after the invitation closed.
    The row of the invitation is locked, so that two tabs and a retry make one response.
    """
    with transaction() as session:
        invitation = session.scalars(select(Invitation).where(Invitation.id == invitation_id).with_for_update()).one()
        over = invitation.expires_at is not None and invitation.expires_at <= now
        if invitation.state not in ANSWERABLE or over:
            state = "expired" if over and invitation.state in ANSWERABLE else invitation.state
            return Recorded(state, {}, stored=False)
        response = session.scalar(select(Response).where(Response.invitation_id == invitation_id))
        if response is None:
            response = _start(session, invitation, now)
        answers = {k: v for k, v in {**response.answers, **given}.items() if v is not None}
        offer = None
        if finish is not None:
            answers, offer = finish(answers)
        response.answers, response.changed_at = answers, now
        invitation.state = "started"
        # Whoever answers has got the message, whatever the mail server left open.
        session.execute(
            update(Delivery)
            .where(Delivery.invitation_id == invitation_id, Delivery.state.in_(("handing_over", "unknown")))
            .values(state="delivered", act_at=None, settled_at=now)
        )
        if finish is None:
            return Recorded("started", answers, stored=True)
        response.complete, response.completed_at = True, now
        response.scored_at = None
        invitation.state, invitation.completed_at = "completed", now
        session.flush()
        return Recorded("completed", answers, stored=True, code=_give_code(session, offer, response.id, now))


def _start(session: Session, invitation: Invitation, now: datetime) -> Response:
    assert invitation.survey_version_id is not None
    invitation.started_at = now
    response = Response(
        invitation_id=invitation.id,
        survey_version_id=invitation.survey_version_id,
        contact_id=invitation.contact_id,
        language=invitation.language,
        answers={},
        complete=False,
        started_at=now,
        changed_at=now,
    )
    session.add(response)
    return response


def _give_code(session: Session, offer: str | None, response_id: int, now: datetime) -> str | None:
    """Take a free code out of the offer's pool; None when there is no offer or the pool is empty."""
    if offer is None:
        return None
    free = session.scalar(
        select(OfferCode)
        .join(Offer, Offer.id == OfferCode.offer_id)
        .where(Offer.slug == offer, Offer.archived_at.is_(None), OfferCode.response_id.is_(None))
        .order_by(OfferCode.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=OfferCode)
    )
    if free is None:
        return None
    free.response_id, free.given_at = response_id, now
    return free.code


def score_responses(limit: int, now: datetime) -> int:
    """Read the scores of complete responses, and mark the days they count in. Returns how many."""
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
        moments = {r.completed_at for r in found} | {
            at
            for at in session.scalars(
                select(Invitation.handed_over_at).where(Invitation.id.in_([r.invitation_id for r in found]))
            )
            if at
        }
        insert_rows(session, DirtyDay, [{"moment": m} for m in moments])
        for response in found:
            response.scored_at = now
    return len(found)
