"""Taking an answer: the same for a page of its own and for a popup on somebody else's."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from app.actions.responses import Finish, Finished, Recorded, record_response, record_unknown
from app.jobs import ring
from app.queries.installation import company
from app.queries.invitations import Asked
from app.respond.forms import Submit, read_submit, readable_answers
from app.text.phrases import phrases
from surveys.branching import ending, quotas_of, visible_answers
from surveys.wording import fill, pick


def take_answer(asked: Asked, form: "MultiDict[str, str]", now: datetime) -> tuple[Submit, Recorded]:
    """Read a posted form, and keep what it says; the last page of it makes the response final."""
    submit = read_submit(asked, form, now)
    if asked.survey.anonymous and submit.next_page is None and not submit.faults:
        return submit, take_unknown(asked, submit, now)
    if asked.survey.anonymous:
        return submit, Recorded(asked.state, submit.answers, stored=True)
    finished = submit.next_page is None and not submit.faults
    finish, begun = _finish(asked, now) if finished else None, asked.state == "started"
    reached = () if finished else quotas_of(asked.survey, submit.answers, asked.known, now)
    recorded = record_response(asked.invitation_id, submit.read, finish, now, begun=begun, quotas=reached)
    if recorded.stored and finished:
        ring("score")
        ring("announce")
    return submit, recorded


def take_unknown(asked: Asked, submit: Submit, now: datetime) -> Recorded:
    """Store the answers to an anonymous survey, so that nothing tells whose they are."""
    whole = _finish(asked, now)(submit.answers)
    zone = ZoneInfo(company().zone)
    day = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    recorded = record_unknown(asked.invitation_id, whole, day, now)
    if recorded.stored:
        ring("score")
        ring("announce")
    return recorded


def keep_answers(asked: Asked, form: "MultiDict[str, str]", now: datetime) -> None:
    """Keep what is right of a form that is still being filled in."""
    submit = read_submit(asked, form, now)
    if submit.read:
        record_response(asked.invitation_id, submit.read, None, now)


def _finish(asked: Asked, now: datetime) -> Finish:
    def finish(answers: Mapping[str, Any]) -> Finished:
        counted = visible_answers(asked.survey, answers, asked.known, now)
        end = ending(asked.survey, counted, asked.known, now)
        return Finished(dict(counted), end.offer if end else None, quotas_of(asked.survey, counted, asked.known, now))

    return finish


def closing_words(asked: Asked, recorded: Recorded, now: datetime) -> str:
    """What is said at the end of a survey."""
    end = ending(asked.survey, recorded.answers, asked.known, now)
    words = readable_answers(asked.survey.questions, recorded.answers, asked.language)
    facts = {**asked.known, "answers": words}
    return fill(pick(end.text, asked.language), facts) if end else phrases(asked.language)["thanks"]
