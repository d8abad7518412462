"""Read aloud, a definition is the whole truth: nothing can be taken out of it that the words do not miss."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import yaml
from flask import Flask
from flask_babel import force_locale

from app.admin.reading import action_words, policy_sentences, sample_words, trigger_notes, when_words
from surveys.contact_policy import read_policy
from surveys.definition import read
from surveys.triggers import read_trigger
from tests.wire import on_sqlite

POLICY = yaml.safe_load("""
limits: [{name: a, max: 1, per: 30d}, {name: b, max: 2, per: 7d, classes: [marketing], channels: [sms]}]
exempt: [service]
quiet_hours: {from: "21:00", to: "09:00", zone: company}
quiet_days: {weekdays: [Sa, Su], holidays: RU}
complaint: {opens_on: [complaint.opened], closes_on: [complaint.resolved]}
consent: {marketing: required}
legal_basis: [{basis: customer, countries: [DE], classes: [relationship], channels: [email]}]
holdout: 0.05
crisis: {limits: [{name: c, max: 1, per: 90d}]}
""")
TRIGGER = yaml.safe_load("""
slug: t
class: relationship
priority: 70
when: {inactive_for: 30d, since: [order.paid], used: {times: 5, per: 90d}}
existing: {per_day: 500}
sample: {rate: 0.3, redraw: 90d, holdout: 0.05, quota: {responses: 400, per: 7d}}
fresh: 3d
crisis: run
then:
  - send:
      survey: s
      channels: [email, web]
      delay: 1d
      expires: 5d
      remind: {after: 2d, times: 2}
      cancel_on: [order.returned]
      blocked: defer
""")
WHENS = [
    "{event: order.paid}",
    "{event: order.paid, occurrence: first}",
    "{event: order.paid, occurrence: {nth: 3, within: 1d, by: properties.category}}",
    "{event: cart.updated, without: order.paid, within: 2h, 'on': properties.cart}",
    "{inactive_for: 60d, since: [order.paid]}",
    "{date: contact.attributes.birthday, yearly: true, offset: -7d, at: '10:00'}",
    "{'on': '03-08', at: '09:00'}",
    "{cron: '0 10 1 * *', segment: premium}",
    "{enters: at-risk}",
    "{exits: at-risk}",
    "{now: guests}",
]


def without_one(body: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """The definition, each time without one of its keys, wherever it stands."""
    if isinstance(body, dict):
        for key, value in body.items():
            yield (*place, key), {k: deepcopy(v) for k, v in body.items() if k != key}
            for where, less in without_one(value, (*place, key)):
                yield where, {**body, key: less}
    elif isinstance(body, list):
        for number, value in enumerate(body):
            for where, less in without_one(value, (*place, number)):
                yield where, [*body[:number], less, *body[number + 1 :]]


def told_policy(body: Any) -> list[str]:
    return policy_sentences(read(body, read_policy))


def told_trigger(body: Any) -> list[str]:
    trigger = read(body, read_trigger)
    actions = [action_words(action, {}, {}) for action in trigger.actions]
    return [when_words(trigger), *map(str, sample_words(trigger)), *actions, *trigger_notes(trigger)]


@on_sqlite
@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize(
    ("body", "tell", "reader"), [(POLICY, told_policy, read_policy), (TRIGGER, told_trigger, read_trigger)]
)
def test_nothing_can_be_taken_out_that_the_words_do_not_miss(
    app: Flask, body: Any, tell: Any, reader: Any, language: str
) -> None:
    with app.test_request_context(), force_locale(language):
        whole, tried = tell(body), 0
        for place, less in without_one(body):
            try:
                read(less, reader)
            except ValueError:
                continue  # cannot be left out
            tried += 1
            assert tell(less) != whole, place
        assert tried >= 12
        assert len(set(whole)) == len(whole)


@on_sqlite
@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_occasion_has_a_sentence_of_its_own(app: Flask, language: str) -> None:
    with app.test_request_context(), force_locale(language):
        plain = {key: value for key, value in TRIGGER.items() if key != "existing"}
        told = [when_words(read({**plain, "when": yaml.safe_load(when)}, read_trigger)) for when in WHENS]
        assert len({str(words) for words in told}) == len(WHENS)


@on_sqlite
def test_a_policy_is_read_as_people_speak(app: Flask) -> None:
    with app.test_request_context(), force_locale("en"):
        assert "Nothing goes out on Saturday, on Sunday, on holidays of Russia." in told_policy(POLICY)
        assert "5\u00a0% of all customers are never asked, as a control group." in told_policy(POLICY)
        assert (
            "By law, messages about us, e-mails to customers of Germany: "
            "to customers who were told how to say no, and did not." in told_policy(POLICY)
        )
