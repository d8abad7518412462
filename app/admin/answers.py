"""The answers behind a figure: the same days, the same filters, one by one."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from flask import Response, abort, render_template, request
from flask_babel import gettext as _

from app.actions.responses import record_reading
from app.admin import blueprint
from app.admin.overview import XLSX, as_file, asked_filters, filter_words
from app.admin.reasons import survey_name
from app.admin.shell import ID_MAX, whole
from app.admin.telling import answered
from app.auth.staff import signed_in, staff, zone_of
from app.clock import utcnow
from app.exports import Sheet, as_csv, as_xlsx
from app.queries import overview as readers
from app.queries.contacts import public_ids
from app.queries.overview import CLASSES, Chosen
from app.queries.sealed import find_sealed
from app.queries.stories import may_see
from app.text.topics import TOPICS
from dashboards import words
from dashboards.readers import Comment

SHOWN = 50
EXPORTED = 20_000
BATCH = 500


def class_words() -> dict[str, str]:
    return {
        "nps": _("with an NPS score"),
        "csat": _("with a CSAT score"),
        "ces": _("with a CES score"),
        "promoters": _("promoters (9 and 10)"),
        "passives": _("passives (7 and 8)"),
        "detractors": _("detractors (0 to 6)"),
        "satisfied": _("4 and 5 of 5"),
        "unsatisfied": _("1 to 3 of 5"),
        "unhappy": _("unhappy: 0 to 6, or 1 to 3"),
    }


def _chosen() -> Chosen:
    filters = asked_filters()
    of, topic = request.args.get("of", ""), request.args.get("topic", "")
    known = of if of in CLASSES or of in ("nps", "csat", "ces") else None
    return Chosen(
        filters.where, filters.days, known, topic if topic in TOPICS else None, worded=bool(request.args.get("worded"))
    )


@blueprint.get("/answers")
@staff("dashboard")
def answers() -> Any:
    chosen, filters = _chosen(), asked_filters()
    found = readers.answers(signed_in(), chosen, _place(request.args.get("after", "")), SHOWN + 1)
    further = found[SHOWN:] and _mark(found[SHOWN - 1])
    return render_template(
        "admin/answers.html",
        left_out=bool(chosen.of or chosen.topic or chosen.worded) and readers.holds_sealed(chosen),
        chosen=chosen,
        filters=filters,
        answers=found[:SHOWN],
        total=readers.count_answers(chosen),
        further=further,
        classes=class_words(),
        topics=[(name, words.topic(name)) for name in TOPICS],
        topic_words=words.topic,
        **filter_words(filters),
    )


@blueprint.post("/answers/<int:response_id>/read")
@staff("customers")
def read_answer(response_id: int) -> Any:
    """One answer to a sensitive survey, for those who are named in it; that it was read is kept first."""
    found = find_sealed(response_id) if response_id <= ID_MAX else None
    if found is None or not _may_meet(found.contact_id):
        abort(404)
    if signed_in().role not in found.readers:
        abort(403)
    customer = public_ids([found.contact_id]).get(found.contact_id) if found.contact_id else None
    record_reading(found.survey, {"answer": found.id, "customer": customer}, signed_in().email, utcnow())
    return render_template(
        "admin/answer.html",
        found=found,
        name=survey_name({found.survey: found.body}, found.survey),
        customer=customer,
        told=list(answered(found.body, found.answers)),
    )


def _may_meet(contact_id: int | None) -> bool:
    """Whether whoever is signed in may see this customer; an answer of nobody, whoever sees all customers."""
    department = signed_in().only_department
    return department is None if contact_id is None else may_see(contact_id, department)


def _mark(comment: Comment) -> str:
    return f"{comment.changed_at.astimezone(UTC).isoformat()}~{comment.response_id}"


def _place(mark: str) -> tuple[datetime, int] | None:
    at, _tilde, response_id = mark.partition("~")
    try:
        moment = datetime.fromisoformat(at.replace(" ", "+"))
        return (moment.astimezone(UTC), whole({"id": response_id}, "id")) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


@blueprint.get("/answers.<kind>")
@staff("dashboard")
def export_answers(kind: str) -> Response:
    chosen = _chosen()
    name = f"otklik-answers-{chosen.days.begin}-{chosen.days.end}.{kind}"
    sheet = Sheet(_("Answers"), [_("Time"), _("Touchpoint"), _("Place"), _("Score"), _("Value"), _("Comment"),
                                 _("Topics"), _("Customer")], _rows(chosen))  # fmt: skip
    if kind == "xlsx":
        return as_file(as_xlsx([sheet]), XLSX, name)
    if kind != "csv":
        abort(404)
    return as_file(as_csv(sheet), "text/csv; charset=utf-8", name)


def _rows(chosen: Chosen) -> Iterator[list[Any]]:
    zone, before, told = zone_of(signed_in()), None, 0
    while told < EXPORTED:
        found = readers.answers(signed_in(), chosen, before, BATCH)
        for answer in found:
            yield [
                answer.at.astimezone(zone).replace(tzinfo=None, microsecond=0),
                answer.touchpoint,
                answer.place,
                answer.metric and answer.metric.upper(),
                answer.value,
                answer.text,
                ", ".join(words.topic(t) for t in answer.topics),
                answer.customer,
            ]
        told += len(found)
        if len(found) < BATCH:
            return
        before = (found[-1].changed_at, found[-1].response_id)
