"""Every recipe can be made on an empty installation, speaks both languages, and can be looked at before."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.actions.definitions import apply_definitions
from app.clock import utcnow
from app.definitions import load_definitions
from app.definitions.recipes import FOLDER, LANGUAGES, MOMENTS, PLAIN, effort, localised, prepare, recipes
from app.queries.definitions import current_slugs, used_slugs
from app.queries.triggers import current_triggers, trigger_definitions
from surveys.review import review
from tests.wire import on_sqlite

SLUGS = sorted(path.stem for path in FOLDER.glob("*.yaml"))
TEXTS = {*PLAIN, "about", "text", "help", "subject", "preview", "reason"}


def made(slug: str, language: str = "en") -> dict[str, list[str]]:
    prepared = prepare(recipes()[slug], language, used_slugs())
    loaded = load_definitions({slug: prepared.text})
    assert [str(fault) for fault in loaded.faults] == []
    apply_definitions(loaded.catalog, loaded.secrets, prune=False, now=utcnow(), actor="tests")
    return dict(prepared.made)


def test_every_moment_that_was_promised_has_its_recipe() -> None:
    assert set(SLUGS) == {
        *("nps-relationship", "nps-service", "csat-delivery", "ces-support", "complaint-resolution"),
        *("abandoned-form", "abandoned-cart", "cancellation", "win-back", "onboarding", "first-purchase"),
        *("interests", "interview", "crisis-check-in"),
    }
    assert {recipe.moment for recipe in recipes().values()} == set(MOMENTS)


def texts(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Whatever somebody reads, with its place."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if key in TEXTS:
            yield f"{path}.{key}", item
        yield from texts(item, f"{path}.{key}")


@pytest.mark.parametrize("slug", SLUGS)
def test_a_recipe_speaks_both_languages_everywhere(slug: str) -> None:
    recipe = recipes()[slug]
    written = {"name": recipe.name, "about": recipe.about, **recipe.definitions}
    found = list(texts(written))
    assert len(found) > 8
    for place, text in found:
        assert isinstance(text, dict), place
        assert set(text) == set(LANGUAGES), place
        assert all(words.strip() == words != "" for words in text.values()), place
        assert any("а" <= letter <= "я" for letter in text["ru"].lower()), place
        assert not any("а" <= letter <= "я" for letter in text["en"].lower()), place
    assert {"subject", "preview", "reason"} <= set(recipe.definitions["surveys"][0]["message"])


@on_sqlite
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("slug", SLUGS)
def test_every_recipe_is_made_on_an_empty_installation(client: FlaskClient, slug: str, language: str) -> None:
    done = made(slug, language)
    assert current_triggers() == [], "drafts ask nobody"
    assert set(done["surveys"]) == current_slugs()["surveys"]
    assert {body["status"] for body in trigger_definitions().values()} == {"draft"}
    assert set(done["triggers"]) == set(trigger_definitions())


@on_sqlite
def test_making_one_twice_makes_another_with_pointers_of_its_own(client: FlaskClient) -> None:
    first, second = made("cancellation"), made("cancellation")
    assert second["surveys"] == ["cancellation-2"]
    assert second["triggers"] == [f"{slug}-2" for slug in first["triggers"]]
    assert "departments" in first
    assert "departments" not in second, "a department that is there is used as it is"
    bodies = trigger_definitions()
    assert bodies["cancellation-ask-2"]["then"][0]["send"]["survey"] == "cancellation-2"
    assert bodies["cancellation-remember-2"]["if"]["value"] == "cancellation-2"
    assert bodies["cancellation-task-2"]["if"]["all"][0]["value"] == "cancellation-2"
    assert bodies["cancellation-remember"]["if"]["value"] == "cancellation"


def test_people_read_their_own_language_and_customers_have_theirs() -> None:
    found = localised(recipes()["interview"].definitions, "ru")
    assert found["surveys"][0]["name"] == "Приглашение на беседу"
    assert found["surveys"][0]["languages"] == ["ru", "en"]
    assert set(found["surveys"][0]["pages"][0]["questions"][0]["text"]) == {"en", "ru"}
    assert localised(recipes()["interview"].definitions, "en")["departments"][0]["name"] == "Product"


@pytest.mark.parametrize("slug", SLUGS)
def test_an_author_is_told_nothing_against_a_recipe(slug: str) -> None:
    assert review(recipes()[slug].definitions["surveys"][0]) == []


@pytest.mark.parametrize("slug", SLUGS)
def test_a_recipe_is_short(slug: str) -> None:
    needed = effort(recipes()[slug])
    assert 1 <= needed.least <= 3
    assert needed.least <= needed.most <= 7
    assert needed.seconds <= 60


@on_sqlite
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("slug", SLUGS)
def test_the_page_and_the_mail_of_a_recipe_can_be_looked_at(client: FlaskClient, slug: str, language: str) -> None:
    address = f"/p/recipe/{slug}/{language}"
    page, mail = client.get(address), client.get(f"{address}/mail")
    assert (page.status_code, mail.status_code) == (200, 200)
    first = recipes()[slug].survey.questions[0]
    assert f'value="{first.id}"' in page.text
    for shown in (page.text, mail.text):
        assert "{{" not in shown
        assert f'lang="{language}"' in shown
    assert "http://" not in mail.text.replace("http://www.w3.org", "").replace("http://localhost", "")
    assert "frame-ancestors 'self'" in page.headers["Content-Security-Policy"]


@on_sqlite
def test_a_recipe_is_answered_to_its_end_and_stores_nothing(client: FlaskClient) -> None:
    address = "/p/recipe/crisis-check-in/en"
    assert client.post(address, data={"page": "0", "shown": "fine"}).status_code == 422
    page = client.post(address, data={"page": "0", "shown": "fine", "fine": "no"})
    assert "What would help you most?" in page.text
    end = client.post(address, data={"page": "0", "fine": "no", "need": "Water", "shown": ["fine", "need", "call"]})
    assert "We take care of it now." in end.text


@on_sqlite
@pytest.mark.parametrize("address", ["/p/recipe/none/en", "/p/recipe/interview/fr", "/p/recipe/..%2Fx/en/mail"])
def test_what_is_no_recipe_is_not_there(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code == 404
