"""Her side: what a customer sees on her phone. The shop is a shop like any other: it posts events with its own key."""

from time import perf_counter
from typing import Any
from uuid import uuid4

from flask import abort, current_app, redirect, render_template, session, url_for
from flask_babel import gettext as _
from werkzeug.test import Client

from app.auth.staff import staff
from app.clock import utcnow
from app.demo import blueprint
from app.demo.customers import RIVERSIDE, midday_zone
from app.demo.happenings import SHOP
from app.demo.live import key_file
from app.demo.mailbox import as_mail, read_mail, shown
from app.demo.people import PLACES
from app.demo.walk import Walk, current_walk
from app.queries.walks import messages_to

AMOUNT = 1990
TOOK_MAX = 8


@blueprint.get("/phone/shop")
@staff("self")
def shop() -> Any:
    walk = current_walk()
    return render_template("demo/shop.html", walk=walk, upgraded=bool(session.get("took")))


@blueprint.post("/phone/shop/upgrade")
@staff("self")
def upgrade() -> Any:
    """She presses the button: the shop's server tells Otklik, as any service would."""
    walk = current_walk()
    event_id = f"shop-{uuid4().hex[:12]}"
    began = perf_counter()
    status = _post_event(_upgrade(walk, event_id))
    took = 1000 * (perf_counter() - began)
    if status != 202:  # noqa: PLR2004
        abort(502)
    session["took"] = dict([*session.get("took", {}).items(), (event_id, round(took))][-TOOK_MAX:])
    return redirect(url_for("demo.shop"), 303)


def _upgrade(walk: Walk, event_id: str) -> dict[str, Any]:
    """She is where it is midday, whenever that is: so quiet hours may stay in force."""
    now = utcnow()
    return {
        "id": event_id,
        "type": "subscription.upgraded",
        "occurred_at": now.isoformat(),
        "contact": {
            "id": walk.reference,
            "locale": walk.language,
            "timezone": midday_zone(now),
            "attributes": {"plan": "premium"},
        },
        "properties": {
            "plan": "premium",
            "amount": AMOUNT,
            "place": PLACES[current_app.config["LANGUAGE"]][RIVERSIDE],
        },
    }


def _post_event(event: dict[str, Any]) -> int:
    """Through the public door, with the shop's own key; the request only spares itself the way over the network."""
    key = (current_app.config["DATA_DIR"] / key_file(SHOP)).read_text().strip()
    answer = Client(current_app).post("/api/v1/events", json=event, headers={"Authorization": f"Bearer {key}"})
    return answer.status_code


@blueprint.get("/phone/mail")
@staff("self")
def inbox() -> Any:
    walk = current_walk()
    found = (read_mail(reference) for reference in messages_to(walk.contact_id))
    return render_template("demo/inbox.html", walk=walk, mails=[mail for mail in found if mail])


@blueprint.get("/phone/mail/<reference>")
@staff("self")
def letter(reference: str) -> Any:
    """One of her mails; nobody else's."""
    walk, found = current_walk(), read_mail(reference)
    if found is None or reference not in messages_to(walk.contact_id):
        abort(404)
    return as_mail(render_template("demo/letter.html", walk=walk, mail=found, body=shown(found), back=_("Inbox")))
