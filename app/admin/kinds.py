"""What events, fields and channels are called on screen: the usual ones by name, any other by its own words."""

from flask_babel import gettext as _

from app.admin.words import inner
from surveys.occasions import TIMER


def event_words(kind: str) -> str:
    """``subscription.upgraded`` → ``subscription upgraded``."""
    if kind.startswith(TIMER):
        return _("moment of “%(trigger)s”", trigger=slug_words(kind.removeprefix(TIMER)))
    return event_names().get(kind, kind.replace(".", " ").replace("_", " "))


def slug_words(slug: str) -> str:
    """``at-risk`` → ``at risk``: what stands in quotes where nothing has a name of its own."""
    return inner(slug.replace("-", " "))


def event_names() -> dict[str, str]:
    """The usual kinds of events."""
    return {
        "cart.abandoned": _("cart abandoned"),
        "cart.updated": _("cart updated"),
        "complaint.opened": _("complaint opened"),
        "complaint.resolved": _("complaint resolved"),
        "contact.changed": _("customer changed"),
        "contact.complaint_lapsed": _("complaint lapsed"),
        "invitation.sent": _("invitation sent"),
        "invitation.expired": _("invitation expired"),
        "offer.expired": _("bonus expired"),
        "contact.created": _("customer added"),
        "form.abandoned": _("form abandoned"),
        "form.started": _("form started"),
        "form.submitted": _("form submitted"),
        "message.sent": _("message sent by another system"),
        "order.cancelled": _("order cancelled"),
        "order.delivered": _("order delivered"),
        "order.paid": _("order paid"),
        "order.placed": _("order placed"),
        "order.returned": _("order returned"),
        "page.viewed": _("page viewed"),
        "payment.failed": _("payment failed"),
        "review.posted": _("review posted"),
        "service.completed": _("service done"),
        "subscription.cancelled": _("subscription cancelled"),
        "subscription.downgraded": _("subscription downgraded"),
        "subscription.lapsed": _("subscription lapsed"),
        "subscription.renewed": _("subscription renewed"),
        "subscription.started": _("subscription started"),
        "subscription.upgraded": _("subscription upgraded"),
        "survey.answered": _("survey answered"),
        "survey.call_wanted": _("call wanted"),
        "task.resolved": _("task solved"),
        "ticket.closed": _("ticket closed"),
        "ticket.opened": _("ticket opened"),
    }


def field_name(name: str) -> str:
    """The last part of a field's path: ``minutes_late`` → ``minutes late``."""
    return {
        "amount": _("amount"),
        "birthday": _("birthday"),
        "category": _("category"),
        "cause": _("cause"),
        "channel": _("channel"),
        "city": _("city"),
        "complaint": _("complaint"),
        "country": _("country"),
        "days": _("number of days"),
        "department": _("department"),
        "email": _("e-mail"),
        "employee": _("employee"),
        "interviewer": _("interviewer"),
        "form": _("form"),
        "invitation": _("invitation"),
        "language": _("language"),
        "locale": _("language"),
        "minutes_late": _("minutes late"),
        "month": _("month"),
        "name": _("name"),
        "order": _("order"),
        "outcome": _("outcome"),
        "phone": _("phone"),
        "place": _("place"),
        "plan": _("plan"),
        "price": _("price"),
        "priority": _("priority"),
        "product": _("product"),
        "quantity": _("quantity"),
        "rating": _("rating"),
        "reason": _("reason"),
        "returning": _("came back"),
        "seconds": _("seconds"),
        "segments": _("segments"),
        "source": _("source"),
        "stage": _("stage"),
        "stars": _("stars"),
        "survey": _("survey"),
        "timezone": _("time zone"),
        "topic": _("topic"),
        "total": _("total"),
        "touchpoint": _("touchpoint"),
    }.get(name, name.replace("_", " ").replace(".", " "))


def channel_word(channel: str) -> str:
    own = {"web": _("popup"), "link": _("open link"), "interview": _("interview")}
    return {"email": _("e-mail"), "sms": "SMS", "telegram": "Telegram", **own}.get(channel, channel)


def class_word(class_: str) -> str:
    return {
        "relationship": _("about us"),
        "transactional": _("about this visit"),
        "service": _("service message"),
        "marketing": _("advertising"),
    }.get(class_, class_)


def consent_words(scope: str) -> str:
    """What a customer agrees to: a kind of message, or a way to be reached."""
    return {
        "relationship": _("messages about us"),
        "transactional": _("messages about visits"),
        "service": _("service messages"),
        "marketing": _("advertising messages"),
        "email": _("e-mails"),
        "sms": "SMS",
        "telegram": _("messages by Telegram"),
        "web": _("popups"),
    }.get(scope, scope)


def actor_word(actor: str) -> str:
    """Who changed something: a person by address, else what it was."""
    return {"command": _("a command"), "demo": _("the demo")}.get(actor, actor)
