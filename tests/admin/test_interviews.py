"""Interviews: an employee fills a survey in for a customer, and the answer says so."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from app.models.contacts import Contact
from app.models.events import Event
from app.models.invitations import Invitation
from app.models.responses import Response
from tests.admin.conftest import Person
from tests.wire import everything, on_sqlite, stored

SignIn = Callable[..., Person]


def test_an_interview_is_the_customers_answer_and_names_who_filled_it_in(
    client: FlaskClient, company: None, sign_in: SignIn, work: Callable[[], None]
) -> None:
    person = sign_in("manager")
    ada = stored(Contact, Contact.name == "Ada Byron")[0]
    ada_id, reference = ada.id, ada.public_id
    told = len(stored(Event, Event.type == "survey.answered"))
    assert "Fill in a survey for this customer" in person.get(f"/customers/{reference}").text
    begun = person.post("/customers/interview", reference=reference, survey="order")
    assert (begun.status_code, begun.location[:3]) == (303, "/s/")
    for page, given in ((0, {"nps": "2"}), (1, {"why": "Cold"})):
        client.post(begun.location, data={"page": str(page), **given})
    work()
    (invitation,) = stored(Invitation, Invitation.channel == "interview")
    (response,) = stored(Response, Response.invitation_id == invitation.id)
    assert (response.contact_id, response.answers, response.complete) == (ada_id, {"nps": 2, "why": "Cold"}, True)
    answered = stored(Event, Event.type == "survey.answered")[told:]
    assert [(e.contact_id, e.properties["interviewer"]) for e in answered] == [(ada_id, person.email)]
    assert "interview" in person.get(f"/customers/{reference}").text
    again = person.post("/customers/interview", reference=reference, survey="order")
    assert again.location != begun.location


@on_sqlite
@pytest.mark.parametrize(("reference", "survey"), [("ct_nobody", "order"), (None, "nothing"), (None, "")])
def test_nothing_begins_for_nobody_or_with_nothing(
    company: None, sign_in: SignIn, reference: str | None, survey: str
) -> None:
    person = sign_in("manager")
    known = stored(Contact, Contact.name == "Ada Byron")[0].public_id
    before = everything()
    assert person.post("/customers/interview", reference=reference or known, survey=survey).status_code == 404
    assert everything() == before


@on_sqlite
def test_an_anonymous_survey_is_filled_in_by_nobody_else(
    company: None, sign_in: SignIn, define: Callable[[str], None]
) -> None:
    define("surveys: [{slug: quiet, anonymous: true, pages: [{questions: [{id: a, type: nps, text: A}]}]}]")
    person = sign_in("manager")
    reference = stored(Contact, Contact.name == "Ada Byron")[0].public_id
    refused = person.post("/customers/interview", reference=reference, survey="quiet")
    assert re.search(r"/customers/", refused.location)
    assert stored(Invitation, Invitation.channel == "interview") == []
