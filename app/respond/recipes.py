"""A recipe as customers would see it: the real page and the real mail, of a survey that nobody has made yet."""

from typing import Any

from flask import Blueprint, Response, abort, url_for

from app.channels.email import compose
from app.definitions.recipes import SOMEBODY, Recipe, recipes
from app.queries.installation import company
from app.queries.invitations import Asked
from app.respond.preview import answered, keep_private
from app.text.messages import Choice, Message
from app.text.phrases import phrases
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
    return answered(asked, url_for("recipes.show_recipe", slug=slug, language=language))


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
