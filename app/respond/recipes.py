"""A recipe as customers would see it: the real page and the real mail, of a survey that nobody has made yet."""

from typing import Any

from flask import Blueprint, Response, abort, url_for

from app.channels.email import compose
from app.definitions.recipes import SOMEBODY, recipes
from app.queries.installation import company
from app.queries.invitations import Asked
from app.respond.preview import answered, keep_private
from app.text.drafted import message_to_look_at

blueprint = Blueprint("recipes", __name__)
blueprint.after_request(keep_private)


def _asked(slug: str, language: str) -> Asked:
    recipe = recipes().get(slug)
    if recipe is None or language not in recipe.survey.languages:
        abort(404)
    return Asked(0, recipe.survey, language, SOMEBODY[language], {}, "open")


@blueprint.route("/p/recipe/<slug>/<language>", methods=["GET", "POST"])
def show_recipe(slug: str, language: str) -> Any:
    """The pages of the survey, which check and branch as the real ones and store nothing."""
    return answered(_asked(slug, language), url_for("recipes.show_recipe", slug=slug, language=language))


@blueprint.get("/p/recipe/<slug>/<language>/mail")
def show_recipe_mail(slug: str, language: str) -> Response:
    """The mail that would ask, as a reader of mails shows it; its links lead to the pages above."""
    asked, us = _asked(slug, language), company()
    url, facts = url_for("recipes.show_recipe", slug=slug, language=language), {**asked.known, "company": us.name}
    to = "somebody@example.com"
    message = message_to_look_at(asked.survey, language, facts, to=to, url=url, button=us.buttons["light"])
    html = compose(message, us.mail_from).get_body(("html",))
    return Response(html.get_content() if html else "", content_type="text/html; charset=utf-8")
