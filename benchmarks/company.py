"""The company that is measured: its rules, and as many customers as wanted, made inside the database."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

import psycopg

from app.clock import utcnow

SECRET = "whsec_" + "YmVuY2htYXJr" * 3
SECRET_NAME = "OTKLIK_BENCHMARK_SECRET"
CALM = """
policy:
  limits:
    - {name: one-a-month, max: 1, per: 30d}
    - {name: quarterly-nps, classes: [relationship], max: 1, per: 90d}
    - {name: two-mails-a-quarter, channels: [email], max: 2, per: 90d}
  exempt: [service]
  complaint: {opens_on: [complaint.opened], closes_on: [complaint.resolved]}
departments: [{slug: care, name: Customer care, email: care@example.com}]
surveys:
  - slug: nps
    languages: [en, ru]
    pages:
      - questions:
          - {id: nps, type: nps, text: {en: "Would you recommend us?", ru: "Посоветуете нас?"}, required: true}
          - {id: why, type: text, long: true, text: {en: "Why is that, {{ contact.first_name }}?", ru: "Почему?"}}
    endings:
      - {if: {field: answers.nps, op: gte, value: 9}, text: {en: "Thank you, this makes our day!"}}
      - {text: {en: "Thank you."}}
"""
POLICY = CALM.replace("  exempt", '  quiet_hours: {from: "23:00", to: "05:00", zone: contact}\n  exempt')
MATCHED = ("order.paid", "order.delivered", "review.posted", "subscription.upgraded", "form.abandoned", "ticket.closed")
OTHERS = ("visit.finished", "app.crashed")
ASK = """
  - slug: {slug}
    status: live
    touchpoint: Checkout
    when: {{event: {event}}}
    fresh: 30d
    if: {condition}
    sample: {{rate: 0.5, redraw: 90d, holdout: 0.05, quota: {{invitations: 1000000, per: 7d}}}}
    then:
      - send:
          survey: nps
          channels: [email]
          expires: 7d
          remind: {{after: 3d}}
          cancel_on: [order.returned]
          blocked: defer
      - {{task: {{department: care, title: "Call {{{{ contact.name }}}}", due: 4h}}}}
"""
WAKE = """
  - slug: moment-{number}
    status: live
    when: {when}
    then: [{{send: {{survey: nps, channels: [email]}}}}]
"""
MOMENTS = (
    "{event: form.abandoned, without: order.paid, within: 2h}",
    "{event: order.paid, without: order.delivered, within: 7d}",
    "{inactive_for: 60d, since: [order.paid]}",
    "{date: contact.attributes.birthday, yearly: true}",
)
PASSING = (
    "{all: [{field: properties.amount, op: gte, value: 1000},"
    " {field: contact.attributes.plan, op: in, value: [standard, premium]}]}"
)
FAILING = (
    "{all: [{field: properties.amount, op: gte, value: 1000},"
    " {field: contact.locale, op: starts_with, value: en}, {field: properties.rating, op: lte, value: 2}]}"
)
FAILING_BY_HISTORY = "{all: [{events: order.paid, count: true, within: 365d, op: gte, value: 50}]}"
SHOP = f"""
sources:
  - slug: shop
    scheme: standard-webhooks
    secret: {{env: {SECRET_NAME}}}
    map:
      id: body.id
      type: body.type
      contact.id: body.data.customer.id
      contact.email: body.data.customer.email
      contact.name: body.data.customer.name
      properties.amount: body.data.amount
      properties.rating: body.data.rating
      properties.place: body.data.store
"""
SENDING = """
slug: pure
status: live
when: {{event: order.paid}}
if: {condition}
sample: {{rate: 0.999999, redraw: 90d, holdout: 0.000001}}
then: [{{send: {{survey: nps, channels: [email], expires: 7d}}}}]
"""
LISTENED = """
triggers:
  - slug: upgrade-nps
    status: live
    touchpoint: Upgrade
    when: {event: subscription.upgraded}
    if: {field: properties.amount, op: gte, value: 1000}
    then: [{send: {survey: nps, channels: [email], expires: 7d}}]
"""


def noon() -> datetime:
    """A moment that is outside the quiet hours, so that a figure does not depend on the time of day."""
    now = utcnow()
    today = datetime.combine(now.date(), time(12), now.tzinfo)
    return today if today > now else today + timedelta(days=1)


def twenty_triggers() -> str:
    """20 live triggers over 8 types: 2 listen to each type that is decided, of which 1 passes its condition.

    Quotas are counted, who has no place in the limits waits for one, and two of the types set the timer of an absence.
    """
    triggers = []
    for number, event in enumerate(MATCHED):
        fails = FAILING if number else FAILING_BY_HISTORY
        triggers += [ASK.format(slug=f"pass-{number}", event=event, condition=PASSING)]
        triggers += [ASK.format(slug=f"fail-{number}", event=event, condition=fails)]
    for number in range(4):
        triggers.append(ASK.format(slug=f"other-{number}", event=OTHERS[number % 2], condition=PASSING))
    triggers += [WAKE.format(number=number, when=when) for number, when in enumerate(MOMENTS)]
    return f"{POLICY}triggers:{''.join(triggers)}"


def add_contacts(connection: psycopg.Connection, first: int, last: int) -> None:
    """Contacts with an external id, a mailbox, a purchase in the past; a fifth of them was asked before."""
    for statement in _CONTACTS:
        connection.execute(statement, {"first": first, "last": last})
    connection.execute("VACUUM ANALYZE")


_EACH = "generate_series(%(first)s::bigint, %(last)s::bigint) AS i"
_CONTACTS = (
    f"""INSERT INTO contacts (id, public_id, sampling_id, name, locale, timezone, attributes, consents, profile_at,
                             created_at)
    SELECT i, 'ct_' || lpad(i::text, 12, '0'), substr(md5(i::text), 1, 20), 'Ada Byron', 'en', 'Europe/Moscow',
           jsonb_build_object('plan', 'standard', 'city', 'Tver', 'bonus', i %% 1000), '{{}}',
           now() - interval '60 days', now() - interval '60 days' FROM {_EACH}""",
    f"INSERT INTO contact_locks (contact_id, seq) SELECT i, 1 FROM {_EACH}",
    f"""INSERT INTO identities (kind, namespace, value, contact_id)
    SELECT 'external', 'api', 'c-' || i, i FROM {_EACH}""",
    f"""INSERT INTO identities (kind, namespace, value, contact_id)
    SELECT 'email', '', 'c-' || i || '@example.com', i FROM {_EACH}""",
    f"""INSERT INTO addresses (id, channel, value, shared)
    SELECT i, 'email', 'c-' || i || '@example.com', false FROM {_EACH}""",
    f"""INSERT INTO contact_addresses (contact_id, address_id, channel, since)
    SELECT i, i, 'email', now() - interval '60 days' FROM {_EACH}""",
    f"""INSERT INTO events (id, source_id, external_id, type, occurred_at, received_at, contact, properties, contact_id,
                            depth, history)
    SELECT i, 1, 'past-' || i, 'order.paid', now() - interval '60 days', now() - interval '60 days', '{{}}',
           '{{"amount": 990}}', i, 0, false FROM {_EACH}""",
    f"""INSERT INTO invitations (id, public_id, event_id, trigger_id, trigger_version, action, contact_id, address_id,
                                 survey_version_id, class, channel, language, probability, state, created_at,
                                 planned_at, stale_at, handed_over_at)
    SELECT -i, 'past-' || i, i, 1, 1, 0, i, i, 1, 'transactional', 'email', 'en', 1, 'expired', at, at, at, at
    FROM (SELECT i, now() - CASE WHEN i %% 10 = 0 THEN interval '10 days' ELSE interval '45 days' END AS at
          FROM {_EACH} WHERE i %% 5 = 0) AS asked""",
    """INSERT INTO reservations (invitation_id, contact_id, address_id, class, channel, survey, trigger, counts_at)
    SELECT id, contact_id, address_id, class, channel, 'nps', 'pass-0', planned_at FROM invitations
    WHERE id BETWEEN -%(last)s AND -%(first)s""",
    "SELECT setval(pg_get_serial_sequence('contacts', 'id'), %(last)s)",
    "SELECT setval(pg_get_serial_sequence('addresses', 'id'), %(last)s)",
    """SELECT setval(name, greatest(nextval(name), 10000000))
    FROM (SELECT pg_get_serial_sequence('event_keys', 'event_id')::regclass AS name) AS sequence""",
)


def add_invitations(connection: psycopg.Connection, count: int) -> list[str]:
    """Invitations handed over just now, each to a contact of its own; returns their public ids."""
    made = connection.execute(_INVITATIONS, {"count": count}).fetchall()
    connection.execute("VACUUM ANALYZE invitations")
    return [public_id for (public_id,) in made]


_INVITATIONS = """
    INSERT INTO invitations (public_id, event_id, trigger_id, trigger_version, action, contact_id, address_id,
                             survey_version_id, class, channel, language, probability, state, created_at, planned_at,
                             stale_at, handed_over_at, expires_at)
    SELECT substr(md5(i::text), 1, 22), i, 1, 1, 1, i, i, 1, 'transactional', 'email', 'en', 1, 'open', now(), now(),
           now(), now(), now() + interval '7 days' FROM generate_series(1, %(count)s) AS i
    RETURNING public_id
"""


def add_backlog(
    connection: psycopg.Connection, types: Sequence[str], events: int, contacts: int, *, resolved: bool
) -> None:
    """Waiting events of as many contacts, each picked at random but the same in every run; resolved or not yet."""
    given = {"events": events, "contacts": contacts, "types": list(types), "kinds": len(types), "resolved": resolved}
    for statement in _BACKLOG if resolved else _BACKLOG[:-1]:
        connection.execute(statement, given)
    connection.execute("ANALYZE events, pending_events, contact_locks")


_BACKLOG = (
    """CREATE TEMP TABLE IF NOT EXISTS fresh (id bigint, contact_id bigint, type text)""",
    "TRUNCATE fresh",
    """INSERT INTO fresh
    SELECT nextval(pg_get_serial_sequence('event_keys', 'event_id')), i, (%(types)s::text[])[1 + i %% %(kinds)s]
    FROM (SELECT i FROM generate_series(1, %(contacts)s) AS i ORDER BY md5(i::text) LIMIT %(events)s) AS picked""",
    """INSERT INTO events (id, source_id, external_id, type, occurred_at, received_at, contact, properties, contact_id,
                           depth, history)
    SELECT id, 1, 'e-' || id, type, now() - interval '1 minute', now(),
           jsonb_build_object('id', 'c-' || contact_id, 'email', 'c-' || contact_id || '@example.com', 'locale', 'en'),
           jsonb_build_object('amount', 1990, 'rating', 5, 'place', 'centre', 'category', 'dairy'),
           CASE WHEN %(resolved)s THEN contact_id END, 0, false FROM fresh""",
    """INSERT INTO pending_events (event_id, contact_id, ambiguous, attempts)
    SELECT id, CASE WHEN %(resolved)s THEN contact_id END, false, 0 FROM fresh""",
    """UPDATE contact_locks SET ready_at = now() - interval '1 minute'
    WHERE contact_id IN (SELECT contact_id FROM fresh)""",
)
