"""Who may open what: every route, every role, one's own and somebody else's."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from queue import Queue
from threading import Barrier, Thread

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.actions.accounts import (
    CODE_LASTS,
    CodeSpent,
    LastAdmin,
    add_first_user,
    change_user,
    make_start_code,
    reset_password,
    use_start_code,
)
from app.auth.staff import RIGHTS
from app.clock import utcnow
from app.extensions import db
from app.links import draft_url, preview_url, seen_as_proof
from app.models.accounts import ApiKey, User
from app.models.contacts import Contact
from app.models.deliveries import Delivery
from app.models.surveys import SurveyVersion
from tests.admin.conftest import PASSWORD, Person, log_in, token_of
from tests.wire import everything, on_sqlite, stored

ROLES = ("admin", "designer", "manager", "agent")
OPEN = {
    "admin.index",
    "admin.login",
    "admin.start",
    "admin.use_start",
    "admin.choose_before_login",
    "admin.api_reference",
}
"""What is there for whoever is not signed in."""
SignIn = Callable[..., Person]


def routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Method, address and right of every route of the staff site."""
    values = {
        "slug": "ask",
        "kind": "triggers",
        "reference": "ada",
        "task_id": 1,
        "user_id": 1,
        "key_id": "none",
        "delivery_id": 1,
        "audit_id": 1,
        "simulation_id": 1,
        "crisis_id": 1,
        "number": 1,
        "link_id": 1,
        "response_id": 1,
        "filename": "x",
    }
    slugs = {"survey": "order", "survey_texts": "order", "send_test": "order", "source": "shop"}
    slugs |= {
        "export_survey_answers": "order",
        "survey_answers": "order",
        "survey_paper": "order",
        "export_survey_definition": "order",
        "share_survey": "order",
        "make_open_link": "order",
        "switch_open_link": "order",
        "show_qr_code": "order",
        "survey_recipe": "interview",
        "use_recipe": "interview",
    }
    slugs |= {"build_survey": "order", "publish_survey": "order", "duplicate_survey": "order"}
    slugs |= {"survey_versions": "order", "restore_version": "order", "save_survey_draft": "order"}
    slugs |= {"drop_survey_draft": "order", "test_survey_draft": "order", "see_draft_as": "order"}
    slugs |= {
        "try_source": "shop",
        "try_key": "api",
        "see_mapping": "shop",
        "segment": "premium",
        "edit_segment": "premium",
    }
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("admin.") or rule.endpoint in OPEN:
            continue
        name = rule.endpoint.removeprefix("admin.")
        given = {a: slugs.get(name, values[a]) if a == "slug" else values[a] for a in rule.arguments}
        if name.startswith("export_"):
            given["kind"] = "yaml" if name == "export_survey_definition" else "csv"
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, adapter.build(rule.endpoint, given), vars(app.view_functions[rule.endpoint])["right"]


@on_sqlite
def test_every_page_names_the_right_it_asks_for(app: Flask) -> None:
    found = list(routes(app))
    assert len(found) > 50
    assert {right for *_, right in found} <= set(RIGHTS)


@on_sqlite
@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_its_pages_and_no_others(app: Flask, company: None, sign_in: SignIn, role: str) -> None:
    person = sign_in(role, "care" if role == "agent" else None)
    for method, address, right in routes(app):
        if method == "GET":
            answer = person.get(address)
            wanted = {200, 302} if role in RIGHTS[right] else {403}
            if address == "/erase":
                wanted = {404, 403}  # nobody is named
            assert answer.status_code in wanted, f"{address} for {role}: {answer.status_code}"


@on_sqlite
@pytest.mark.parametrize("role", ROLES)
def test_a_role_changes_nothing_it_has_no_right_to(app: Flask, company: None, sign_in: SignIn, role: str) -> None:
    person = sign_in(role, "care" if role == "agent" else None)
    before = everything()
    refused = 0
    for method, address, right in routes(app):
        if method == "POST" and role not in RIGHTS[right]:
            assert person.post(address).status_code == 403, address
            refused += 1
    assert everything() == before
    assert refused or role == "admin"


@on_sqlite
def test_nobody_is_sent_to_the_login_and_changes_nothing(app: Flask, company: None) -> None:
    client = app.test_client()
    before = everything()
    for method, address, _right in routes(app):
        answer = client.open(address, method=method, headers={"Accept": "text/html"})
        if method == "GET":
            assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/login"), address
        else:
            assert answer.status_code in (400, 401), address
    assert everything() == before


@on_sqlite
def test_a_form_without_the_token_of_its_session_changes_nothing(app: Flask, company: None, sign_in: SignIn) -> None:
    person = sign_in("admin")
    before = everything()
    for method, address, _right in routes(app):
        if method == "POST":
            answer = person.client.post(address, data={"csrf_token": "of somebody else", "name": "x"})
            assert answer.status_code == 400, address
    assert everything() == before


@on_sqlite
def test_no_get_of_the_staff_site_changes_any_table(app: Flask, company: None, sign_in: SignIn) -> None:
    person = sign_in("admin")
    before = everything()
    seen = set()
    for method, address, _right in routes(app):
        if method == "GET":
            seen.add(person.get(address).status_code)
            person.get(f"{address}?q=ada&tab=all&why=ask&show=asked&days=7&reference=ada&status=paused&trigger=ask")
    assert seen <= {200, 302, 404}
    assert everything() == before


def test_an_agent_sees_the_tasks_and_customers_of_one_department(app: Flask, company: None, sign_in: SignIn) -> None:
    care, kitchen = sign_in("agent", "care"), sign_in("agent", "kitchen")
    assert "Call Ada Byron" in care.get("/tasks/1").text
    for address in ("/tasks/2", "/customers/bo"):
        assert care.get(address).status_code == 404, address
        assert kitchen.get(address).status_code == 200, address
    for address in ("/tasks/1", "/customers/ada"):
        assert kitchen.get(address).status_code == 404, address
    assert kitchen.post("/tasks/1", verb="solve", outcome="lost").status_code == 404
    assert "Ada" not in kitchen.get("/tasks?tab=all").text
    assert "Ada" not in kitchen.get("/customers?q=Ada").text.split("<main")[1].replace('value="Ada"', "").replace(
        "“Ada”", ""
    )
    assert "ada@example.com" not in kitchen.get("/search?q=ada").text


@on_sqlite
def test_whatever_names_a_foreign_object_is_nowhere_and_changes_nothing(
    app: Flask, company: None, sign_in: SignIn
) -> None:
    """Every route an agent may use, with the customer and the task of another department, in address and fields."""
    ada = stored(Contact, Contact.name == "Ada Byron")[0].public_id
    kitchen = sign_in("agent", "kitchen")
    kitchen.post("/tasks/next")  # their own, so that nothing is left to be taken
    foreign = {"reference": ada, "task": "1", "verb": "comment", "comment": "Mine?", "survey": "order", "q": "Ada"}
    before, tried = everything(), set()
    for method, address, right in routes(app):
        if right not in ("tasks", "customers") or "agent" not in RIGHTS[right]:
            continue
        answer = kitchen.post(address, **foreign) if method == "POST" else kitchen.get(f"{address}?reference={ada}")
        tried.add(address)
        named = address in ("/tasks/1", "/customers/ada", "/customers/interview", "/answers/1/read")
        assert answer.status_code == (404 if named else 303 if method == "POST" else 200), address
        assert "Ada Byron" not in answer.text, address
    assert tried >= {"/tasks", "/tasks/1", "/tasks/next", "/customers", "/customers/ada", "/customers/interview"}
    assert everything() == before
    assert sign_in("agent", "care").post("/customers/interview", reference=ada, survey="order").status_code == 303


@on_sqlite
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_preview_changes_any_table(app: Flask, company: None, sign_in: SignIn, method: str) -> None:
    """Previews of versions, of drafts and of recipes: the real pages, and nothing is kept."""
    sign_in("designer")
    ada, version = stored(Contact)[0].public_id, stored(SurveyVersion)[0].id
    seen = f"?as={ada}&proof={seen_as_proof('order', ada, utcnow().date())}"
    draft = draft_url("order")
    addresses = {
        "preview.show": preview_url(version, "en"),
        "preview.show_draft": f"{draft}en{seen}",
        "preview.show_mail": f"{draft}en/mail{seen}",
        "preview.show_popup": f"{draft}en/popup{seen}",
        "recipes.show_recipe": "/p/recipe/interview/en",
        "recipes.show_recipe_mail": "/p/recipe/interview/en/mail",
    }
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith(("preview.", "recipes."))]
    assert {rule.endpoint for rule in rules} == set(addresses)
    before, client = everything(), app.test_client()
    for rule in rules:
        if method in (rule.methods or ()):
            address = addresses[rule.endpoint]
            answer = client.open(address, method=method, data={"page": "0", "nps": "3"} if method == "POST" else None)
            assert answer.status_code in (200, 422), address
            assert client.open(address.replace("/p/", "/p/x"), method=method).status_code == 404
    assert everything() == before


@on_sqlite
def test_an_agent_without_a_department_sees_nothing(app: Flask, company: None, sign_in: SignIn) -> None:
    agent = sign_in("agent")
    assert agent.get("/tasks/1").status_code == 404
    assert "Ada" not in agent.get("/tasks?tab=all").text


@on_sqlite
@pytest.mark.parametrize(("email", "password"), [("admin-x@example.com", "wrong"), ("nobody@example.com", "wrong")])
def test_a_wrong_login_says_the_same_for_all(
    app: Flask, client: FlaskClient, sign_in: SignIn, email: str, password: str
) -> None:
    sign_in("admin")
    answer = log_in(client, email, password)
    assert answer.status_code == 422
    assert "E-mail and password do not fit together." in answer.text
    assert client.get("/home").status_code in (302, 401)


@on_sqlite
def test_attempts_are_counted(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    sign_in("admin")
    answers = [log_in(client, "admin-x@example.com", "wrong").status_code for _ in range(22)]
    assert answers[0] == 422
    assert answers[-1] == 429
    assert log_in(client, "admin-x@example.com", PASSWORD).status_code == 429


@on_sqlite
def test_a_new_password_ends_every_other_session(app: Flask, sign_in: SignIn) -> None:
    person = sign_in("admin")
    other = app.test_client()
    log_in(other, person.email, PASSWORD)
    assert other.get("/profile").status_code == 200
    assert person.post("/profile/password", old="wrong", new="a much longer one").status_code == 422
    assert person.post("/profile/password", old=PASSWORD, new="short").status_code == 422
    assert person.post("/profile/password", old=PASSWORD, new="a much longer one").status_code == 303
    assert person.get("/profile").status_code == 200
    assert other.get("/profile").status_code in (302, 401)


@on_sqlite
def test_a_closed_account_is_out_at_once_and_the_last_admin_stays(app: Flask, company: None, sign_in: SignIn) -> None:
    admin, designer = sign_in("admin"), sign_in("designer")
    assert admin.post(f"/people/{designer.user_id}", verb="close").status_code == 303
    assert designer.get("/profile").status_code in (302, 401)
    admin.post(f"/people/{admin.user_id}", verb="change", role="agent")
    assert [u.role for u in stored(User) if u.id == admin.user_id] == ["admin"]


@on_sqlite
@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_a_login_leads_to_no_other_site(app: Flask, client: FlaskClient, sign_in: SignIn, wanted: str) -> None:
    sign_in("admin")
    answer = log_in(client, "admin-x@example.com", PASSWORD, f"/login?next={wanted}")
    assert answer.headers["Location"] == "/home"


def test_the_first_account_is_made_with_the_printed_link_once(app: Flask, client: FlaskClient) -> None:
    code = make_start_code(None, utcnow())
    page = client.get(f"/start?code={code}")
    assert code in page.text
    assert stored(User) == []
    form = {
        "code": code,
        "name": "Anna",
        "email": "Anna@Example.com",
        "password": PASSWORD,
        "language": "en",
        "zone": "UTC",
    }
    token = token_of(page.text)
    assert client.post("/start", data=form | {"csrf_token": token, "password": "short"}).status_code == 422
    assert client.post("/start", data=form | {"csrf_token": token, "code": "AAAA-BBBB"}).status_code == 410
    assert client.post("/start", data=form | {"csrf_token": token}).status_code == 303
    assert [(u.email, u.role) for u in stored(User)] == [("anna@example.com", "admin")]
    assert client.get("/home").status_code == 200


def test_a_one_time_link_signs_in_by_its_button_once(app: Flask, sign_in: SignIn) -> None:
    person = sign_in("designer")
    code = make_start_code(person.user_id, utcnow())
    first, second = app.test_client(), app.test_client()
    page = first.get(f"/start?code={code}")
    assert first.get("/profile").status_code in (302, 401)  # being opened signs nobody in
    assert first.post("/start", data={"csrf_token": token_of(page.text), "code": code}).status_code == 303
    assert first.get("/profile").status_code == 200
    other = second.get(f"/start?code={code}")
    assert second.post("/start", data={"csrf_token": token_of(other.text), "code": code}).status_code == 410


def test_signing_out_ends_this_session_and_no_other(app: Flask, sign_in: SignIn) -> None:
    person = sign_in("designer")
    elsewhere, copied = app.test_client(), app.test_client()
    log_in(elsewhere, person.email, PASSWORD)
    cookie = person.client.get_cookie("otklik")
    assert cookie
    copied.set_cookie("otklik", cookie.value)
    assert copied.get("/profile").status_code == 200
    assert person.post("/logout").status_code == 303
    for client, wanted in ((person.client, 401), (copied, 401), (elsewhere, 200)):
        assert client.get("/profile", headers={"Accept": "application/json"}).status_code == wanted


def test_two_administrators_who_demote_each_other_leave_one(app: Flask, sign_in: SignIn) -> None:
    ids = [sign_in("admin").user_id, sign_in("admin", "y").user_id]
    for _ in range(5):
        both, outcomes = Barrier(2), Queue[str]()

        def demote(user_id: int, both: Barrier = both, outcomes: Queue[str] = outcomes) -> None:
            with app.app_context():
                both.wait(10)
                try:
                    change_user(user_id, {"role": "manager", "department": None}, "tests", utcnow())
                    outcomes.put("demoted")
                except LastAdmin:
                    outcomes.put("last")
                db.session.remove()

        threads = [Thread(target=demote, args=(user_id,)) for user_id in ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted([outcomes.get(), outcomes.get()]) == ["demoted", "last"]
        assert [u.role for u in stored(User)].count("admin") == 1
        for user in stored(User):
            change_user(user.id, {"role": "admin"}, "tests", utcnow())


@on_sqlite
def test_a_one_time_link_grows_old(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    person = sign_in("designer")
    code = make_start_code(person.user_id, utcnow() - CODE_LASTS - timedelta(seconds=1))
    page = client.get(f"/start?code={code}")
    assert client.post("/start", data={"csrf_token": token_of(page.text), "code": code}).status_code == 410


@on_sqlite
def test_pages_run_no_script_but_ours(app: Flask, company: None, sign_in: SignIn) -> None:
    person = sign_in("admin")
    for address in ("/home", "/customers/bo", "/tasks/2", "/search?q=%3Cscript%3E"):
        answer = person.get(address)
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert "<b>Diddley" not in answer.text
        assert "<script>" not in answer.text


@on_sqlite
def test_a_key_made_on_screen_works_and_is_shown_once(app: Flask, client: FlaskClient, sign_in: SignIn) -> None:
    person = sign_in("admin")
    page = person.post("/keys", name="till", source="api", scopes="read")
    [made] = [row for row in stored(ApiKey) if row.name == "till"]
    key = page.text.split('id="made">')[1].split("<")[0]
    assert client.get("/api/v1/tasks", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    assert key not in person.get("/keys").text
    assert person.post(f"/keys/{made.key_id}/revoke").status_code == 303


@on_sqlite
def test_an_unknown_sending_is_settled_by_one_person_only(app: Flask, company: None, sign_in: SignIn) -> None:
    person = sign_in("designer")
    assert not [d for d in stored(Delivery) if d.state == "unknown"]
    assert person.post("/sending/1", became="arrived").status_code == 303
    assert "Somebody settled this one already." in person.get("/sending").text
    assert person.post("/sending/1", became="maybe").status_code == 422


def test_only_the_last_printed_link_makes_the_first_account(client: FlaskClient) -> None:
    first, last = make_start_code(None, utcnow()), make_start_code(None, utcnow())
    with pytest.raises(CodeSpent):
        add_first_user(first, "a@example.com", "A", PASSWORD, utcnow())
    add_first_user(last, "a@example.com", "A", PASSWORD, utcnow())
    with pytest.raises(CodeSpent):
        add_first_user(make_start_code(None, utcnow()), "b@example.com", "B", PASSWORD, utcnow())


@on_sqlite
def test_a_new_password_spends_the_link_that_is_out(client: FlaskClient, sign_in: SignIn) -> None:
    person = sign_in("designer")
    code = make_start_code(person.user_id, utcnow())
    reset_password(person.user_id, "another one entirely", "tests", utcnow())
    with pytest.raises(CodeSpent):
        use_start_code(code, utcnow())
