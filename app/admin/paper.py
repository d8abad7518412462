"""A survey on paper: to be printed, filled in with a pen, and typed in or imported later."""

from typing import Any

from flask import abort, render_template, request
from flask_babel import force_locale
from flask_babel import gettext as _

from app.admin import blueprint
from app.admin.reading import condition_words, field_words
from app.admin.reasons import survey_name
from app.admin.words import LANGUAGES
from app.auth.staff import staff
from app.queries.installation import company
from app.queries.surveys import current_surveys, survey_definitions, survey_version
from app.text.phrases import phrases
from surveys.conditions import ALWAYS
from surveys.paper import Answered, Chosen, Compared, Joined, Known, Need, paper
from surveys.questions import OTHER
from surveys.survey import Survey
from surveys.wording import Texts, fill, pick

DASH = "\u2013"


@blueprint.get("/surveys/<slug>/paper")
@staff("read")
def survey_paper(slug: str) -> Any:
    found, body = current_surveys().get(slug), survey_definitions().get(slug)
    if found is None or body is None:
        abort(404)
    survey = survey_version(found[0])
    language = request.args.get("language", survey.languages[0])
    language = language if language in survey.languages else survey.languages[0]

    def told(texts: Texts | None) -> str:
        return fill(pick(texts, language), {}).strip() if texts else ""

    with force_locale(language if language in LANGUAGES else "en"):
        return render_template(
            "admin/paper.html",
            slug=slug,
            name=survey_name({slug: body}, slug),
            pages=paper(survey),
            shown=language,
            spoken=survey.languages,
            told=told,
            need=lambda wanted: need_words(wanted, language),
            thanks=told(_closing(survey)) or phrases(language)["thanks"],
            t=phrases(language),
            company=company(),
        )


def _closing(survey: Survey) -> Texts | None:
    """What is said to everybody for whom nothing else is."""
    return next((ending.text for ending in survey.endings if ending.condition is ALWAYS), None)


def need_words(need: Need, language: str) -> str:
    """What must be so, as a part of a sentence."""
    match need:
        case Chosen():
            values = _values(need, language)
            return _("your answer to %(n)d is %(values)s", n=need.number, values=values)
        case Answered():
            return _("you answered %(n)d", n=need.number)
        case Compared():
            question = _("your answer to %(n)d", n=need.number)
            return condition_words(need.tree).replace(field_words(need.tree["field"]), question)
        case Known():
            return condition_words(need.tree)
        case Joined("not"):
            return _("not (%(what)s)", what=need_words(need.parts[0], language))
        case Joined():
            joint = _(" and ") if need.joint == "all" else _(" or ")
            return joint.join(
                f"({need_words(part, language)})" if isinstance(part, Joined) else need_words(part, language)
                for part in need.parts
            )


def _values(need: Chosen, language: str) -> str:
    """The values from the first to the last, or the words of what is chosen."""
    if need.question.scale:
        return ", ".join(_runs([v for v in need.values if isinstance(v, int)])) or DASH
    own = need.question.other
    said = {
        True: phrases(language)["yes"],
        False: phrases(language)["no"],
        OTHER: pick(own, language) if own else _("Other"),
    }
    words = {option.value: pick(option.text, language) for option in need.question.options}
    joint = _(" or ")
    return joint.join(_("“%(answer)s”", answer=words.get(v) or said.get(v, v)) for v in need.values) or DASH


def _runs(values: list[int]) -> list[str]:
    """Neighbours together: of 0, 1, 2 and 5 the first three."""
    runs: list[list[int]] = []
    for value in sorted(values):
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return [str(run[0]) if len(run) == 1 else f"{run[0]}{DASH}{run[-1]}" for run in runs]
