"""Surveys: what is asked, how it does, how it looks; and a test to oneself, kept out of all figures."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import timedelta
from typing import Any

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _
from flask_wtf import FlaskForm

from app.actions.definitions import ChangedMeanwhile
from app.actions.responses import record_reading
from app.admin import blueprint
from app.admin.editing import changed_body, put_in_force
from app.admin.overview import XLSX, as_file
from app.admin.reading import condition_words
from app.admin.reasons import survey_name
from app.admin.words import LANGUAGES, chosen, inner, number
from app.auth.staff import signed_in, staff
from app.channels.email import DeliveryError, connect
from app.clock import utcnow
from app.definitions import write_definition
from app.exports import Sheet, as_csv, as_xlsx
from app.exports.codebook import Variable, book, spss_syntax, variables
from app.links import preview_url
from app.queries.catalogue import linked_triggers, survey_rows
from app.queries.drafts import DraftRow, draft_rows
from app.queries.installation import company
from app.queries.offers import offer_definitions
from app.queries.responses import raw_responses
from app.queries.results import leaving
from app.queries.surveys import (
    all_versions,
    current_surveys,
    is_sensitive,
    may_read_all,
    survey_definitions,
    survey_version,
)
from app.text.messages import Choice, Message
from app.text.phrases import phrases
from surveys.wording import fill, pick

FIGURES_OF = timedelta(days=90)
MANY_LEAVE = 25
"""Percent of those who began that leave at one page, from where on it is worth a word."""
SEARCH_MAX = 100
RAW = ("response", "customer", "version", "language", "trigger", "channel", "complete", "started_at", "completed_at")
"""The columns that every response has."""
RAW_BATCH = 1_000
EXAMPLES = ("nps-relationship", "csat-delivery", "cancellation")
"""Recipes that stand where there is no survey yet."""


@blueprint.get("/surveys")
@staff("read")
def surveys() -> Any:
    rows = survey_rows((utcnow() - FIGURES_OF).date())
    show = request.args.get("show", "all")
    written = draft_rows()
    drafts = [row for row in written.values() if row.live is None]
    words = request.args.get("q", "").strip()[:SEARCH_MAX]
    shown = [r for r in rows if show == "all" or (show != "draft" and r.live is (show == "live"))]
    versions = {slug: (version, languages[0]) for slug, (version, languages) in current_surveys().items()}
    return render_template(
        "admin/surveys.html",
        rows=[
            (r, survey_name({r.slug: r.body}, r.slug), _hint(r.slug, r.body, written.get(r.slug)))
            for r in shown
            if _matches(words, r.body)
        ],
        drafts=[
            (row, survey_name({row.slug: row.body}, row.slug))
            for row in drafts
            if show in ("all", "draft") and _matches(words, row.body)
        ],
        previews={slug: preview_url(*version) for slug, version in versions.items()},
        examples=EXAMPLES,
        show=show,
        words=words,
        counts={
            "all": len(rows) + len(drafts),
            "live": sum(r.live for r in rows),
            "unused": sum(not r.live for r in rows),
            "draft": len(drafts),
        },
        spark=_spark,
    )


def _spark(daily: list[int]) -> str:
    """The points of a line 96 wide and 24 high."""
    top = max(daily) or 1
    return " ".join(f"{'M' if n == 0 else 'L'}{n * 96 / 29:.1f},{22 - 20 * v / top:.1f}" for n, v in enumerate(daily))


def _matches(words: str, body: Mapping[str, Any]) -> bool:
    """Whether a survey's name, slug or one of its questions says all of these words."""
    questions = [question.get("text") for page in body["pages"] for question in page["questions"]]
    texts = [text for said in questions for text in (said.values() if isinstance(said, dict) else [said])]
    told = " ".join(str(text) for text in (body.get("name"), body["slug"], *texts) if text).casefold()
    return all(word in told for word in words.casefold().split())


def _hint(slug: str, body: Mapping[str, Any], written: DraftRow | None) -> str:
    """At most one thing worth knowing."""
    if written is not None and written.differs:
        return _("The draft differs from what is live.")
    languages = body.get("languages") or ["en"]
    texts = [q["text"] for p in body["pages"] for q in p["questions"]] + [e["text"] for e in body.get("endings", ())]
    for language in languages[1:]:
        lacking = sum(1 for t in texts if not isinstance(t, dict) or language not in t)
        if lacking:
            return ngettext(
                "%(language)s is missing in %(num)d text",
                "%(language)s is missing in %(num)d texts",
                lacking,
                language=LANGUAGES.get(language, language),
            )
    left = leaving(slug, utcnow() - FIGURES_OF)
    if left is not None and left.share >= MANY_LEAVE:
        return _("%(share)s %% leave at page %(page)d", share=number(left.share), page=left.page)
    return ""


def _find(slug: str) -> tuple[int, dict[str, Any]]:
    found, body = current_surveys().get(slug), survey_definitions().get(slug)
    if found is None or body is None:
        abort(404)
    return found[0], body


@blueprint.get("/surveys/<slug>")
@staff("read")
def survey(slug: str) -> Any:
    version_id, body = _find(slug)
    form = survey_version(version_id)
    row = next((r for r in survey_rows((utcnow() - FIGURES_OF).date()) if r.slug == slug), None)
    language = request.args.get("language", form.languages[0])
    if language not in form.languages:
        language = form.languages[0]
    return render_template(
        "admin/survey.html",
        slug=slug,
        name=survey_name({slug: body}, slug),
        body=body,
        form=form,
        row=row,
        shown=language,
        preview=preview_url(version_id, language),
        condition_words=condition_words,
        bonuses={o: inner(chosen(b.get("name")) or o) for o, b in offer_definitions().items()},
        pick=pick,
        types=question_types(),
        linked=linked_triggers(slug),
        sealed=is_sensitive(slug),
        may_read=may_read_all(slug, signed_in().role),
    )


@blueprint.route("/surveys/<slug>/answers.<kind>", methods=["GET", "POST"])
@staff("dashboard")
def export_survey_answers(slug: str, kind: str) -> Any:
    """Raw answers with their code book: CSV, XLSX, and the syntax that reads the CSV into SPSS.

    Of a sensitive survey they are had by a POST only, from those who may read them, and that is recorded.
    """
    _find(slug)
    if is_sensitive(slug):
        if request.method == "GET":
            return redirect(url_for("admin.survey_answers", slug=slug), 303)
        if not may_read_all(slug, signed_in().role):
            abort(403)
        record_reading(slug, {"file": kind}, signed_in().email, utcnow())
    columns = variables(all_versions(slug), str(get_locale()))
    sheet = Sheet(_("Answers"), [*RAW, *(column.name for column in columns)], _raw_rows(slug, columns))
    if kind == "csv":
        return as_file(as_csv(sheet), "text/csv; charset=utf-8", f"{slug}.csv")
    if kind == "sps":
        return as_file(spss_syntax(columns, RAW, f"{slug}.csv").encode(), "text/plain; charset=utf-8", f"{slug}.sps")
    if kind != "xlsx":
        abort(404)
    heads = [_("Column"), _("Question"), _("Type"), _("Label"), _("Values")]
    return as_file(as_xlsx([sheet, Sheet(_("Code book"), heads, book(columns))]), XLSX, f"{slug}.xlsx")


def _raw_rows(slug: str, columns: Sequence[Variable]) -> Iterator[list[Any]]:
    after = 0
    while found := raw_responses(slug, after, RAW_BATCH):
        for one in found:
            ended = one.completed_at.isoformat() if one.completed_at else None
            told = [one.id, one.contact, one.version, one.language, one.trigger, one.channel, int(one.complete)]
            yield [*told, one.started_at.isoformat(), ended, *(column.cell(one.answers) for column in columns)]
        after = found[-1].id


def question_types() -> dict[str, str]:
    return {
        "nps": _("0 to 10: recommend"),
        "csat": _("1 to 5: satisfied"),
        "ces": _("1 to 7: easy"),
        "yes_no": _("yes or no"),
        "single": _("one of several"),
        "multiple": _("several of several"),
        "text": _("own words"),
        "rating": _("a rating"),
        "dropdown": _("one of a list"),
        "matrix": _("a table of answers"),
        "ranking": _("an order of preference"),
        "slider": _("a point on a scale"),
        "number": _("a number"),
        "date": _("a date"),
        "email": _("an e-mail address"),
        "phone": _("a phone number"),
        "consent": _("consent"),
        "image_choice": _("pictures to choose from"),
        "statement": _("words without a question"),
    }


@blueprint.route("/surveys/<slug>/texts", methods=["GET", "POST"])
@staff("design")
def survey_texts(slug: str) -> Any:
    """The words of a survey in every language, side by side."""
    version_id, body = _find(slug)
    form, faults, conflict = FlaskForm(), [], False
    fields = _text_fields(body)
    if form.validate_on_submit():
        typed = {name: request.form.get(name, "") for name, *_rest in fields}
        wanted = _with_texts(body, typed)
        try:
            made_from = body if request.form.get("version") == str(version_id) else None
            faults = put_in_force("surveys", slug, write_definition("surveys", wanted), made_from)
        except ChangedMeanwhile:
            conflict = True
        if not faults and not conflict:
            flash(_("In force: whoever is asked from now on reads the new words."), "good")
            return redirect(url_for("admin.survey", slug=slug), 303)
        fields = [(n, where, language, typed[n]) for n, where, language, _text in fields]
    status = 409 if conflict else 422 if faults else 200
    return render_template(
        "admin/survey_texts.html",
        slug=slug,
        name=survey_name({slug: body}, slug),
        form=form,
        fields=fields,
        faults=faults,
        conflict=conflict,
        version=version_id,
        languages=body.get("languages") or ["en"],
    ), status


def _places(body: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Every thing that has a text: field name, what it is, and where it stands in the body."""
    found = []
    for p, page in enumerate(body["pages"]):
        for q, question in enumerate(page["questions"]):
            found.append((f"q-{p}-{q}", _("Question “%(id)s”", id=question["id"]), question))
            found.extend(
                (f"o-{p}-{q}-{o}", _("Answer “%(value)s”", value=option["value"]), option)
                for o, option in enumerate(question.get("options", ()))
                if isinstance(option, dict)
            )
    found.extend((f"e-{e}", _("Ending %(n)d", n=e + 1), ending) for e, ending in enumerate(body.get("endings", ())))
    return found


def _text_fields(body: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Field name, what it is, language, text."""
    languages = body.get("languages") or ["en"]
    found = []
    for name, where, holder in _places(body):
        text = holder.get("text", "")
        for language in languages:
            told = text.get(language, "") if isinstance(text, dict) else text if language == languages[0] else ""
            found.append((f"{name}-{language}", where, language, told))
    return found


def _with_texts(body: dict[str, Any], typed: dict[str, str]) -> dict[str, Any]:
    wanted = deepcopy(body)
    languages = body.get("languages") or ["en"]
    for name, _where, holder in _places(wanted):
        holder["text"] = {
            language: text
            for language in languages
            if (text := typed[f"{name}-{language}"].replace("\r\n", "\n").strip())
        }
    return changed_body(wanted, {})


@blueprint.post("/surveys/<slug>/test")
@staff("design")
def send_test(slug: str) -> Any:
    """Send the message to oneself. Its link leads to a preview, so that no answer to it can get into a figure."""
    version_id, body = _find(slug)
    form = survey_version(version_id)
    language = request.form.get("language", form.languages[0])
    language = language if language in form.languages else form.languages[0]
    who, said, question = signed_in(), phrases(language), form.pages[0].questions[0]
    url = preview_url(version_id, language, outside=True)
    facts = {"contact": {"name": who.name, "first_name": who.name.split()[0]}, "company": company().name}
    message = Message(
        to=who.email,
        language=language,
        subject=_("[Test] %(name)s", name=survey_name({slug: body}, slug)),
        text=fill(pick(question.text, language), facts),
        reason=_("You get this because you asked for a test; what you answer is not stored."),
        url=url,
        choices=[Choice(str(n), f"{url}?{question.id}={n}") for n in question.scale],
        low=said.get(f"scale.{question.type}.low", ""),
        high=said.get(f"scale.{question.type}.high", ""),
        unsubscribe_url=url,
        reference=f"test-{slug}",
        button=company().buttons["light"],
    )
    deliver_test(message)
    return redirect(url_for("admin.survey", slug=slug, language=language), 303)


def deliver_test(message: Message) -> None:
    """Send a message to oneself, and say what became of it."""
    allowed = current_app.config["MAIL_ALLOW_LIST"]
    if allowed and message.to not in allowed:
        flash(
            _(
                "Messages go only to %(addresses)s for now, and yours is not among them.",
                addresses=", ".join(sorted(allowed)),
            ),
            "bad",
        )
    else:
        _send(message)


def _send(message: Message) -> None:
    config = current_app.config
    try:
        with connect(config["SMTP_URL"], company().mail_from, config["DATA_DIR"] / "mail") as mailer:
            mailer.send(message)
    except DeliveryError as error:
        flash(_("The mail server did not take it: %(why)s", why=str(error)), "bad")
    else:
        flash(_("Sent to %(address)s.", address=message.to), "good")
