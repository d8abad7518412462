"""A recipe as customers would see it: the real page and the real mail, of a survey that nobody has made yet."""

from typing import Any

from flask import Blueprint, Response, abort, render_template, request, url_for

from app.channels.email import compose
from app.clock import utcnow
from app.definitions.recipes import SOMEBODY, Recipe, recipes
from app.queries.installation import company
from app.queries.invitations import Asked
from app.respond.forms import Submit, look_of, page_view, read_submit, readable_answers
from app.respond.live import live_page
from app.respond.preview import keep_private
from app.text.messages import Choice, Message
from app.text.phrases import phrases
from surveys.branching import ending, visible_answers
from surveys.wording import MESSAGE_TEXTS, fill, pick

blueprint = Blueprint("recipes", __name__)
blueprint.after_request(keep_private)


def _asked(slug: str, language: str) -> tuple[Recipe, Asked]:
    recipe = recipes().get(slug)
    if recipe is None or language not in recipe.survey.languages:
        abort(404)
    return recipe, Asked(0, recipe.survey, language, SOMEBODY[language], {}, "open")


@blueprint.route("/p/recipe/<slug>/<language>", methods=["GET", "POST"])
def show_recipe(slug: str, language: str) -> Any:
    """The pages of the survey, which check and branch as the real ones and store nothing."""
    _recipe, asked = _asked(slug, language)
    now = utcnow()
    if request.method == "GET":
        return _page(slug, asked, Submit.resumed(asked, now, request.args))
    submit = read_submit(asked, request.form, now)
    if submit.faults:
        return _page(slug, asked, submit), 422
    if submit.next_page is not None:
        submit.page, submit.given = submit.next_page, {}
        return _page(slug, asked, submit)
    counted = visible_answers(asked.survey, submit.answers, asked.known, now)
    end, said = ending(asked.survey, counted, asked.known, now), phrases(language)
    told = {**asked.known, "answers": readable_answers(asked.survey.questions, counted, language)}
    return render_template(
        "respond/note.html",
        title=fill(pick(end.text, language), told) if end else said["thanks"],
        text=said["preview"],
        t=said,
        language=language,
        theme=look_of(asked.survey),
        company=company(),
    )


def _page(slug: str, asked: Asked, submit: Submit) -> str:
    """The answers so far travel in the form itself, because they are kept nowhere else."""
    said = phrases(asked.language)
    now = utcnow()
    view = page_view(asked, submit, now)
    here = {name for q in asked.survey.pages[submit.page].questions for name in q.fields}
    return render_template(
        "respond/survey.html",
        token="",
        action=url_for("recipes.show_recipe", slug=slug, language=asked.language),
        carried={k: request.form.getlist(k) for k in request.form if k not in ("page", "back") and k not in here},
        banner=said["preview"],
        view=view,
        live=live_page(asked, submit, view, now, None),
        theme=look_of(asked.survey),
        t=said,
        company=company(),
    )


@blueprint.get("/p/recipe/<slug>/<language>/mail")
def show_recipe_mail(slug: str, language: str) -> Response:
    """The mail that would ask, as a reader of mails shows it."""
    recipe, asked = _asked(slug, language)
    mail = compose(_message(recipe, asked), company().mail_from)
    html = mail.get_body(("html",))
    return Response(html.get_content() if html else "", content_type="text/html; charset=utf-8")


def _message(recipe: Recipe, asked: Asked) -> Message:
    language, said = asked.language, phrases(asked.language)
    facts = {**asked.known, "company": company().name}
    own = {**asked.survey.message, **recipe.asking[1].message}
    texts: dict[str, Any] = {
        key: fill(pick(own[key], language) if key in own else said.get(key, ""), facts) for key in MESSAGE_TEXTS
    }
    question = asked.survey.pages[0].questions[0]
    url = url_for("recipes.show_recipe", slug=recipe.slug, language=language)
    values = [(str(n), str(n)) for n in question.scale]
    if question.type == "yes_no":
        values = [("yes", said["yes"]), ("no", said["no"])]
    return Message(
        to="ada@example.com",
        language=language,
        text=fill(pick(question.text, language), facts),
        url=url,
        choices=[Choice(label, f"{url}?{question.id}={value}") for value, label in values],
        low=said.get(f"scale.{question.type}.low", ""),
        high=said.get(f"scale.{question.type}.high", ""),
        unsubscribe_url=url,
        reference="recipe",
        button=company().buttons["light"],
        **texts,
    )
