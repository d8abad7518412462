"""Every job, in the order of the product; and the bell that says there is work.

A job carries no payload: it claims whatever is ready, until nothing is, or its time is up and it rings for the next.
"""

from collections.abc import Callable, Collection
from datetime import timedelta
from functools import partial
from time import monotonic, sleep
from typing import Any, TypeVar
from uuid import uuid4

import structlog
from flask import current_app
from flask_babel import force_locale
from flask_babel import gettext as _
from redis import RedisError
from rq import Queue
from sqlalchemy.exc import OperationalError

from app.actions.announcements import (
    announce_changes,
    announce_invitations,
    announce_lapses,
    announce_responses,
    announce_tasks,
    announce_timers,
)
from app.actions.attributes import set_attributes
from app.actions.audits import begin_audit, end_audit
from app.actions.contacts import UnresolvableEvent, resolve_events
from app.actions.decisions import Decided, decide_contact, decide_events, put_off_deferred
from app.actions.deliveries import (
    Claim,
    Result,
    begin_hand_over,
    begin_popup,
    claim_deliveries,
    expire_invitations,
    give_up_lost,
    notify,
    refuse_claim,
    settle_delivery,
)
from app.actions.digests import put_off_digest, write_digest
from app.actions.effects import fail_effect
from app.actions.events import count_attempt, fail_attempt
from app.actions.installation import note_tidied
from app.actions.offers import give_offers
from app.actions.responses import score_responses
from app.actions.rollups import recount_days, recount_lately, tally_events
from app.actions.segments import note_segments
from app.actions.simulations import (
    claim_simulation,
    finish_simulation,
    forget_simulations,
    keep_differing,
    note_progress,
)
from app.actions.tasks import open_tasks
from app.actions.timers import forget_timers, look_for_timers, put_off_looking, ripen_timers
from app.channels import email
from app.clock import utcnow
from app.definitions.drafts import draft_of, read_again
from app.extensions import db, redis_connection
from app.inbound.payloads import read_held_payloads
from app.queries import overview as readers
from app.queries.accounts import SEE_FIGURES, Account
from app.queries.audits import Audited, audit_ledger
from app.queries.decisions import oldest_waiting_event, ready_contacts
from app.queries.effects import waiting_effects
from app.queries.events import is_decided, resolved_contact
from app.queries.installation import company
from app.queries.invitations import popup_waits
from app.queries.rehearsals import Cancelled, Span
from app.queries.rehearsals import rehearse as run_rehearsal
from app.queries.work import ready_kinds
from dashboards import PATH
from dashboards.asked import Asked
from dashboards.digest import digest as in_words
from dashboards.filters import read_address
from surveys.lifecycle import ATTEMPTS_MAX

QUEUE = "otklik"
TURN = 30.0
"""Seconds after which a job makes room for others."""
BELL_TTL = 5
"""Seconds after which a bell whose job was lost no longer keeps others from ringing."""
QUIET = 2.0
"""Seconds for which a Redis that failed is left alone."""
RING_PAUSE = 0.02
"""Seconds in which one process rings a bell once; what falls in between, the bell or the clock finds."""
RESOLVE_BATCH, DECIDE_BATCH, EFFECT_BATCH, ANNOUNCE_BATCH, SEND_BATCH, SCORE_BATCH = 500, 500, 200, 500, 20, 500
TALLY_BATCH = TIDY_BATCH = 2_000
COUNTED_AGAIN = 60
"""Days whose figures are compared with the facts every night."""
FORGET_BATCH = 20
"""Rehearsals at once: each may tell of many customers."""
SAY_EVERY = 0.5
"""Seconds after which a rehearsal says again how far it is."""
PUT_OFF = timedelta(hours=1)
"""How long a contact is left alone whose deferred decisions fail."""
LOOK_BATCH, TIMER_BATCH = 5_000, 500

AT_ONCE_BATCH = 50
"""With more events before it than this, one that comes from a page is not decided while its customer waits."""
PAUSES = (0.0, 0.02, 0.05, 0.1, 0.2)
"""Seconds before each try, when somebody else is at the events or the contact."""

T = TypeVar("T")
log = structlog.get_logger()


def ring(kind: str) -> None:
    """Say that there is work of a kind; at most one bell of a kind hangs in the queue.

    A bell that cannot be rung is no fault of the caller's: the clock finds the work anyway.
    """
    connection = redis_connection()
    quiet = current_app.extensions["otklik_quiet"]
    if connection is None or monotonic() < quiet["until"]:
        return
    rung = current_app.extensions["otklik_rung"]
    if monotonic() < rung.get(kind, 0.0):
        return
    rung[kind] = monotonic() + RING_PAUSE
    try:
        if connection.set(f"bell:{kind}", "1", nx=True, ex=BELL_TTL):
            queue = Queue(QUEUE, connection=connection, serializer="json")
            queue.enqueue(
                f"app.jobs.{kind}",
                job_id=uuid4().hex,
                result_ttl=0,
                failure_ttl=3600,
                job_timeout=int(TURN * 10),
            )
    except RedisError as error:
        quiet["until"] = monotonic() + QUIET  # do not make everybody wait for a Redis that is away
        current_app.extensions["otklik_failures"]["bell"] += 1
        log.warning("bell.failed", kind=kind, error=str(error))


def _work(kind: str, step: Callable[[], int], full: int) -> int:
    """Take steps until one finds nothing to do. A full batch calls another worker to help."""
    connection = redis_connection()
    if connection is not None:
        try:
            connection.delete(f"bell:{kind}")  # before the first claim: who rings from here on is heard
        except RedisError as error:
            log.warning("bell.failed", kind=kind, error=str(error))
    began, total = monotonic(), 0
    try:
        while monotonic() - began < TURN:
            done = step()
            total += done
            if not done:
                return total
            if done >= full:
                ring(kind)
        ring(kind)
    finally:
        db.session.remove()
    return total


def resolve() -> None:
    """Events → contacts."""
    if _work("resolve", _resolve_step, RESOLVE_BATCH):
        ring("decide")
        ring("announce")


def _resolve_step() -> int:
    region = current_app.config["PHONE_REGION"]
    try:
        done = resolve_events(RESOLVE_BATCH, utcnow(), region)
    except OperationalError:
        raise
    except Exception:
        log.exception("resolve.batch_failed")
        done = _resolve_one_by_one(region)
    if done:
        ring("decide")
    return done


def _resolve_one_by_one(region: str) -> int:
    """A batch failed: its events alone, in order, so that the poisoned one is found, tried again, and set aside."""
    for done in range(RESOLVE_BATCH):
        try:
            if not resolve_events(1, utcnow(), region):
                return done
        except UnresolvableEvent as error:
            dead = fail_attempt(error.event_id, repr(error.__cause__), utcnow())
            log.exception("resolve.event_failed", event_id=error.event_id, dead=dead)
    return RESOLVE_BATCH


def decide() -> None:
    """Contacts with undecided events → decisions, invitations, effects."""
    _work("decide", _decide_step, DECIDE_BATCH)


def _decide_step() -> int:
    zone, language = company().zone, company().language
    try:
        decided = decide_events(DECIDE_BATCH, utcnow(), zone, language)
    except OperationalError:
        raise
    except Exception:
        log.exception("decide.batch_failed")
        return _decide_one_by_one(zone, language)
    _ring_for(decided)
    return decided.contacts


def _decide_one_by_one(zone: str, language: str) -> int:
    """A batch failed: every contact alone, its oldest event first, the attempt counted before it is made."""
    contacts = ready_contacts(DECIDE_BATCH, utcnow())
    for contact_id in contacts:
        event_id = oldest_waiting_event(contact_id)
        if event_id is not None and not count_attempt(event_id, utcnow()):
            continue
        try:
            _ring_for(decide_contact(contact_id, utcnow(), zone, language))
        except OperationalError:
            raise
        except Exception as error:
            if event_id is None:
                put_off_deferred(contact_id, utcnow() + PUT_OFF)
            dead = event_id is not None and fail_attempt(event_id, repr(error), utcnow())
            log.exception("decide.event_failed", event_id=event_id, contact=contact_id, dead=dead)
    return len(contacts)


def _ring_for(decided: Decided) -> None:
    for kind in _follows(decided):
        ring(kind)


def _follows(decided: Decided) -> set[str]:
    """The kinds of work that a batch leaves."""
    return {kind for kind, left in (("send", decided.invited), ("carry_out", decided.effects)) if left}


def carry_out() -> None:
    """Effects → tasks, attributes, notes to the team."""
    _work("carry_out", _carry_out_step, EFFECT_BATCH)


def _carry_out_step() -> int:
    done = 0
    for kind, action in (("task", open_tasks), ("set", set_attributes), ("notify", notify), ("offer", give_offers)):
        waiting = waiting_effects(kind, EFFECT_BATCH)
        done += _carry_out(action, waiting) if waiting else 0
    if done:
        ring("announce")
        ring("send")
    return done


def _carry_out(action: Callable[[Collection[int], Any], int], effect_ids: list[int]) -> int:
    try:
        return action(effect_ids, utcnow())
    except OperationalError:
        raise
    except Exception:
        log.exception("effects.batch_failed", action=action.__name__)
    for effect_id in effect_ids:
        try:
            action([effect_id], utcnow())
        except OperationalError:
            raise
        except Exception as error:
            dead = fail_effect(effect_id, repr(error), utcnow())
            log.exception("effects.failed", effect=effect_id, dead=dead)
    return len(effect_ids)


def announce() -> None:
    """What happened inside → events."""
    if _work("announce", _announce_step, ANNOUNCE_BATCH):
        ring("resolve")


def _announce_step() -> int:
    done = 0
    for action in (announce_responses, announce_tasks, announce_changes, announce_invitations, announce_lapses):
        try:
            done += action(ANNOUNCE_BATCH, utcnow())
        except OperationalError:
            raise
        except Exception:  # one kind of news must not keep the others back
            log.exception("announce.failed", action=action.__name__)
    return done


def wake() -> None:
    """Moments that no event tells of → events."""
    if _work("wake", _wake_step, LOOK_BATCH + 2 * TIMER_BATCH):
        ring("resolve")


def _wake_step() -> int:
    zone, done = company().zone, 0
    try:
        done += look_for_timers(LOOK_BATCH, utcnow(), zone)
    except OperationalError:
        raise
    except Exception:  # one trigger must not hold up the others
        log.exception("wake.look_failed")
        put_off_looking(utcnow())
    done += ripen_timers(TIMER_BATCH, utcnow(), zone)
    announced = announce_timers(TIMER_BATCH, utcnow())
    if announced:
        ring("resolve")
    return done + announced


def send() -> None:
    """Due invitations → messages handed over."""
    _work("send", _send_step, SEND_BATCH)


def _send_step() -> int:
    """Connect first, claim then: while the mail server is away nothing is claimed, and no attempt is used up."""
    for delivery_id in give_up_lost(utcnow()):
        log.error("delivery.unknown", delivery=delivery_id)
    config = current_app.config
    lease = timedelta(seconds=config["LEASE_SECONDS"])
    try:
        with email.connect(config["SMTP_URL"], company().mail_from, config["DATA_DIR"] / "mail") as mailer:
            claims = claim_deliveries(SEND_BATCH, utcnow(), lease, config["MAIL_RATE"])
            for claim in claims:
                _hand_over_safely(claim, mailer)
    except email.DeliveryError as error:
        log.warning("mail.unreachable", error=str(error))
        return 0
    return len(claims)


def _hand_over_safely(claim: Claim, mailer: email.Mailer) -> None:
    """One delivery that cannot be handed over must not hold up the others of its batch."""
    try:
        _hand_over(claim, mailer)
    except OperationalError:
        raise
    except Exception as error:
        log.exception("delivery.failed", delivery=claim.delivery_id, attempt=claim.attempt)
        if claim.attempt >= ATTEMPTS_MAX:
            refuse_claim(claim, repr(error), utcnow())


def _hand_over(claim: Claim, mailer: email.Mailer) -> None:
    config = current_app.config
    lease = timedelta(seconds=config["LEASE_SECONDS"])
    message = begin_hand_over(claim, utcnow(), lease, company(), company().zone, config["MAIL_ALLOW_LIST"])
    if message is None:
        return
    try:
        result = Result("sent", message_id=mailer.send(message))
    except email.DeliveryError as error:
        result = Result(error.state, error=str(error), bad_address=error.bad_address)
    settled = settle_delivery(claim, result, utcnow())
    log.info(
        "delivery.settled" if settled else "delivery.overtaken",
        delivery=claim.delivery_id,
        attempt=claim.attempt,
        state=result.state,
        error=result.error,
    )
    if settled and result.state in ("sent", "unknown"):
        ring("score")
        ring("announce")


def ask_at_once(source_id: int, external_id: str, draw: Callable[[str], T]) -> T | None:
    """Decide an event while its customer waits on a page, by the workers' own steps, and show what it leads to.

    Only its contact is decided. Whoever is busy with them, or a backlog, is left to it: then nothing happens now, and
    the workers go on. They are rung for last, so that they do not come in between.
    """
    follows = {"resolve", "announce"}
    try:
        contact_id = _decide_at_once(source_id, external_id, follows)
        return show_popup(contact_id, draw) if contact_id is not None else None
    finally:
        for kind in KINDS:
            if kind in follows:
                ring(kind)


def _decide_at_once(source_id: int, external_id: str, follows: set[str]) -> int | None:
    config = current_app.config
    contact_id: int | None = None
    try:
        for pause in PAUSES:
            sleep(pause)
            if contact_id is None:
                resolve_events(AT_ONCE_BATCH, utcnow(), config["PHONE_REGION"])
                contact_id = resolved_contact(source_id, external_id)
            if contact_id is not None:
                decided = decide_events(1, utcnow(), company().zone, company().language, only=contact_id)
                follows |= _follows(decided)
                if is_decided(source_id, external_id):
                    break
    except OperationalError:
        raise
    except Exception:  # the workers will meet it too, and know how to set it aside
        log.exception("at_once.failed", event_id=external_id)
    return contact_id


def show_popup(contact_id: int, draw: Callable[[str], T]) -> T | None:
    """Hand the contact's next popup over to the page they are on: begun, drawn by its public id, settled."""
    config = current_app.config
    lease = timedelta(seconds=config["LEASE_SECONDS"])
    for pause in PAUSES:
        sleep(pause)
        if not popup_waits(contact_id, utcnow()):
            return None
        popup = begin_popup(contact_id, utcnow(), lease, company().zone, config["MAIL_ALLOW_LIST"])
        if popup is not None:
            break
    else:
        return None
    drawn = draw(popup.public_id)
    settle_delivery(popup.claim, Result("sent"), utcnow())
    log.info("delivery.settled", delivery=popup.claim.delivery_id, attempt=popup.claim.attempt, state="sent")
    ring("score")
    return drawn


def score() -> None:
    """Responses → scores; dirty days and decided events → figures."""
    _work("score", _score_step, SCORE_BATCH)


def _score_step() -> int:
    zone = company().zone
    scored = score_responses(SCORE_BATCH, utcnow()) + note_segments(SCORE_BATCH)
    return scored + recount_days(SCORE_BATCH, zone) + tally_events(TALLY_BATCH, utcnow(), zone)


def rehearse() -> None:
    """Drafts that somebody wants to see on past events → what would have come of them."""
    _work("rehearse", _rehearse_step, 2)


def _rehearse_step() -> int:
    claim = claim_simulation(utcnow())
    if claim is None:
        return 0
    try:
        draft = draft_of(read_again(claim.text))
        span = Span(claim.since, claim.until, company().zone)
        differ = partial(keep_differing, claim.id)
        result = run_rehearsal(draft, span, compare=True, differ=differ, progress=_teller(claim.id))
        finish_simulation(claim.id, result, None, utcnow())
    except Cancelled:
        log.info("rehearsal.cancelled", simulation=claim.id)
    except OperationalError:
        raise
    except Exception as error:
        log.exception("rehearsal.failed", simulation=claim.id)
        finish_simulation(claim.id, None, str(error)[:500] or repr(error), utcnow())
    return 1


def _teller(simulation_id: int) -> Callable[[int], bool]:
    """Says now and then how far a rehearsal is, and hears whether to go on."""
    said_at = monotonic()

    def tell(done: int) -> bool:
        nonlocal said_at
        if monotonic() - said_at < SAY_EVERY:
            return True
        said_at = monotonic()
        return note_progress(simulation_id, done, utcnow())

    return tell


def expire() -> None:
    """Invitations whose time is over → expired."""
    _work("expire", lambda: expire_invitations(SCORE_BATCH, utcnow()), SCORE_BATCH)


def read_held() -> None:
    """Payloads held until their source was mapped → events."""
    if _work("read_held", lambda: read_held_payloads(SCORE_BATCH), SCORE_BATCH):
        ring("resolve")


def audit() -> None:
    """The ledger of promises → what broke a limit, if anything did."""
    _work("audit", _audit_step, 2)


def _audit_step() -> int:
    audit_id = begin_audit(utcnow())
    if audit_id is None:
        return 0
    audited, unheard = carry_out_audit(audit_id)
    for violation in unheard:
        log.error("policy.violated", **violation)
    log.info("policy.audited", audit=audit_id, places=audited.places, found=audited.found)
    return 1


def digest() -> None:
    """Views of the overview that people get again and again → mails."""
    _work("digest", _digest_step, 2)


def _digest_step() -> int:
    now = utcnow()
    try:
        written = write_digest(_digest_for, SEE_FIGURES, company().zone, now)
    except OperationalError:
        raise
    except Exception:  # one view must not hold up the others
        log.exception("digest.failed")
        put_off_digest(now + PUT_OFF, now)
        return 1
    if written is None:
        return 0
    ring("send")
    return 1


def _digest_for(person: Account, address: str) -> dict[str, str]:
    base = current_app.config["BASE_URL"]
    language = person.language or company().language or "en"
    with force_locale(language):
        asked = Asked(readers, person, read_address(address, readers.today()))
        told = in_words(asked, company().name, f"{base}{PATH}{address}")
        foot = _("You get this again and again because it was ordered for you. Stop it in your profile: %(url)s",
                 url=f"{base}/profile")  # fmt: skip
    return {"subject": told.subject, "text": f"{told.text}\n\n{foot}\n", "language": language}


def tidy() -> None:
    """What nobody needs any more → removed, once a night; figures → counted again from the facts."""
    _work("tidy", _tidy_step, TIDY_BATCH)


def _tidy_step() -> int:
    done = forget_simulations(FORGET_BATCH, utcnow()) + forget_timers(TIDY_BATCH, utcnow())
    if not done:
        mended = recount_lately(utcnow(), company().zone, COUNTED_AGAIN)
        if mended:
            log.error("figures.differed", days=[day.isoformat() for day in mended])
        note_tidied(utcnow())
    return done


def carry_out_audit(audit_id: int) -> tuple[Audited, list[dict[str, Any]]]:
    """Audit, keep what was found, and write to the administrators of what nobody had heard of yet: that is returned."""
    audited = audit_ledger(utcnow())
    unheard = end_audit(audit_id, audited, current_app.config["BASE_URL"], utcnow())
    if unheard:
        ring("send")
    return audited, unheard


KINDS = {
    "read_held": read_held,
    "resolve": resolve,
    "decide": decide,
    "carry_out": carry_out,
    "announce": announce,
    "wake": wake,
    "send": send,
    "score": score,
    "expire": expire,
    "audit": audit,
    "tidy": tidy,
    "rehearse": rehearse,
    "digest": digest,
}


def ring_for_ready_work() -> list[str]:
    """The clock's sweep: ring for every kind of work that is ready, whoever forgot to. Returns the kinds."""
    kinds = ready_kinds(utcnow())
    for kind in kinds:
        ring(kind)
    return kinds
