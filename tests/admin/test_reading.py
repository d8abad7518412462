"""Read aloud, a definition is the whole truth: nothing can be taken out of it that the words do not miss."""

from collections.abc import Callable, Collection, Iterator
from copy import deepcopy
from typing import Any

import pytest
import yaml
from flask import Flask
from flask_babel import force_locale

from app.admin.policy_reading import policy_sentences
from app.admin.reading import condition_words, cron_words, sample_words, then_words, trigger_notes, when_words
from surveys.contact_policy import ANY_CHANNEL, read_policy
from surveys.definition import Node, read
from surveys.triggers import CLASSES, read_trigger
from tests.wire import on_sqlite

POLICY = """
limits:
  - {name: a, max: 1, per: 30d}
  - {name: b, max: 2, per: 7d, classes: [marketing], channels: [sms], surveys: [nps], triggers: [upgrade]}
exempt: [service]
quiet_hours: {from: "21:00", to: "09:00", zone: company}
quiet_days: {weekdays: [Sa, Su], holidays: RU}
complaint: {opens_on: [complaint.opened, ticket.opened], closes_on: [complaint.resolved, ticket.closed]}
legal_basis: [{basis: customer, countries: [DE, AT], classes: [relationship], channels: [email]}]
holdout: 0.05
crisis: {limits: [{name: c, max: 1, per: 90d, classes: [transactional]}]}
"""
"""Everything that a policy can say, but for the consents: their names come from the rules."""
TRIGGER = """
slug: t
name: T
status: live
class: relationship
priority: 70
touchpoint: Upgrade
when: {inactive_for: 30d, since: [order.paid, order.placed], used: {times: 5, per: 90d}}
existing: {per_day: 500}
if:
  all:
    - {field: contact.locale, op: eq, value: ru}
    - any: [{field: properties.amount, op: gte, value: {field: properties.price, times: 2}}]
    - not: {field: answers.nps, op: exists}
    - {events: order.paid, sum: amount, within: 30d, by: properties.category, op: gt, value: 5,
       where: {field: properties.rating, op: lt, value: 3}}
    - {events: order.paid, count: true, op: gt, value: 5}
    - {events: order.paid, avg: amount, op: gt, value: 5}
    - {events: order.paid, last_days: true, within: 90d, op: gt, value: 5}
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
      message: {subject: S, preview: P, reason: R, benefit: B, sender: N, reply_to: a@example.com, signature: G,
                reminder: M}
  - message:
      text: Hello
      channels: [email]
      class: service
      delay: 2h
      cancel_on: [order.cancelled]
      blocked: defer
      subject: S2
      preview: P2
      reason: R2
      benefit: B2
      sender: N2
      reply_to: b@example.com
      signature: G2
  - task: {department: care, title: Call, priority: high, due: 4h, assign: least_busy}
  - notify: {channel: care, text: Look}
  - set: {attribute: interest, from: answers.topic}
  - offer: {pool: winback-10}
"""
WHENS = [
    "{event: order.paid}",
    "{event: order.paid, occurrence: first}",
    "{event: order.paid, occurrence: {nth: 3, within: 1d, by: properties.category}}",
    "{event: cart.updated, without: order.paid, within: 2h, 'on': properties.cart}",
    "{inactive_for: 60d, since: [order.paid]}",
    "{date: contact.attributes.birthday, yearly: true, offset: -7d, at: '11:00'}",
    "{'on': '03-08', at: '09:00', segment: premium}",
    "{cron: '0 10 1 * *', segment: premium}",
    "{enters: at-risk}",
    "{exits: at-risk}",
    "{now: guests}",
]
UNSAID = {"slug", "name", "status", "limits.name", "then.message.channels"}
"""What stands at the head of the page, or of its row, already; and what can be nothing else."""
Place = tuple[str | int, ...]


def policy(**more: Any) -> dict[str, Any]:
    body: dict[str, Any] = yaml.safe_load(POLICY)
    return body | {"consent": dict.fromkeys((*ANY_CHANNEL, *CLASSES), "required")} | more


def trigger(when: str | None = None, **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = yaml.safe_load(TRIGGER) | more
    if when:
        body["when"] = yaml.safe_load(when)
        del body["existing"]
    return body


def without_one(body: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """The definition, each time without one of its keys or entries, wherever it stands."""
    if isinstance(body, dict):
        for key, value in body.items():
            yield (*place, key), {k: deepcopy(v) for k, v in body.items() if k != key}
            for where, less in without_one(value, (*place, key)):
                yield where, {**body, key: less}
    elif isinstance(body, list):
        for number, value in enumerate(body):
            yield (*place, number), body[:number] + body[number + 1 :]
            for where, less in without_one(value, (*place, number)):
                yield where, [*body[:number], less, *body[number + 1 :]]


def named(place: Collection[str | int]) -> str:
    """``limits.name`` of the place ``("limits", 0, "name")``."""
    return ".".join(key for key in place if isinstance(key, str))


def told_policy(body: Any) -> list[str]:
    return policy_sentences(read(body, read_policy))


def told_trigger(body: Any) -> list[str]:
    rule = read(body, read_trigger)
    condition = condition_words(body["if"]) if "if" in body else ""
    return [when_words(rule), condition, *map(str, sample_words(rule)), *then_words(rule, {}, {}), *trigger_notes(rule)]


CASES = [
    (policy(), told_policy, read_policy),
    (trigger(), told_trigger, read_trigger),
    *((trigger(when), told_trigger, read_trigger) for when in WHENS),
]


@on_sqlite
@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize(("body", "tell", "reader"), CASES)
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
            assert named(place) in UNSAID or tell(less) != whole, place
        assert tried >= 12
        assert len(set(whole)) == len(whole)


def test_the_definitions_above_have_every_key_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    known: set[str] = set()
    mapping = Node.mapping

    def listening(node: Node, keys: Collection[str], required: Collection[str] = ()) -> dict[str, Node]:
        known.update(named((*node.path, key)) for key in keys)
        return mapping(node, keys, required)

    monkeypatch.setattr(Node, "mapping", listening)
    held = set()
    quotas = [{"rate": 0.5, "quota": {of: 5, "per": "7d"}} for of in ("responses", "invitations")]
    bodies: list[tuple[Any, Callable[[Node], Any]]] = [(body, reader) for body, _tell, reader in CASES]
    for body, reader in [*bodies, *((trigger(sample=sample), read_trigger) for sample in quotas)]:
        read(body, reader)
        held |= {named(place) for place, _less in without_one(body)}
    unwritten = known - held
    repeated = {key for key in unwritten if key.startswith(("crisis.limits.", "if.")) or ".where." in key}
    assert unwritten - repeated == set(), "say it in words, and write it above"


@on_sqlite
def test_a_policy_is_read_as_people_speak(app: Flask) -> None:
    with app.test_request_context(), force_locale("en"):
        told = [said.replace("\u00a0", " ") for said in told_policy(policy())]
        said_of_it = "Advertising messages (SMS, the survey “nps”, the trigger “upgrade”): at most 2 times in 7 days."
        assert told[1] == said_of_it
        assert "Service messages count in no limit." in told
        assert "Nothing goes out on Saturday, on Sunday, on holidays of Russia." in told
        assert (
            "Whoever has an open complaint is left in peace and gets service messages only: from “complaint opened” or"
            " “ticket opened” to “complaint resolved” or “ticket closed”, or for 30 days if nobody closes it." in told
        )
        assert (
            "By law, messages about us (e-mail) to customers of Austria, Germany: "
            "to customers who were told how to say no, and did not." in told
        )
        assert "5 % of all customers are never asked, as a control group." in told
        assert told[-1] == "In a crisis: messages about visits: at most once in 90 days."
        named_too = policy(limits=[{"name": "s", "max": 1, "per": "7d", "classes": ["service"]}])
        assert "Service messages count only in the limits that name them." in told_policy(named_too)


@on_sqlite
@pytest.mark.parametrize(
    ("cron", "english", "russian"),
    [
        ("0 10 * * *", "every day at 10:00", "каждый день в 10:00"),
        ("5 9 1 * *", "on day 1 of every month at 09:05", "1-го числа каждого месяца в 09:05"),
        ("0 10 * * 1", "every week on Monday at 10:00", "каждую неделю (понедельник) в 10:00"),
        ("0 10 * * 5-7", "every week on Friday, on Saturday, on Sunday at 10:00",
         "каждую неделю (пятница, суббота, воскресенье) в 10:00"),
        ("0 10 * * 0,3", "every week on Sunday, on Wednesday at 10:00",
         "каждую неделю (воскресенье, среда) в 10:00"),
        ("*/5 * * * *", "by the schedule */5 * * * *", "по расписанию */5 * * * *"),
        ("0 10 1 * 1", "by the schedule 0 10 1 * 1", "по расписанию 0 10 1 * 1"),
        ("0 10 1 3 *", "by the schedule 0 10 1 3 *", "по расписанию 0 10 1 3 *"),
        ("0 10 * * MON", "by the schedule 0 10 * * MON", "по расписанию 0 10 * * MON"),
    ],
)  # fmt: skip
def test_the_usual_schedules_are_said_in_words(app: Flask, cron: str, english: str, russian: str) -> None:
    for language, expected in (("en", english), ("ru", russian)):
        with app.test_request_context(), force_locale(language):
            assert cron_words(cron) == expected
