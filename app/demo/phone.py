"""Her side: what a customer sees on her phone. The shop is a shop like any other: it posts events with its own key."""

import hmac
from hashlib import sha256
from time import perf_counter
from typing import Any
from uuid import uuid4

from flask import abort, current_app, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.test import Client

from app.auth.staff import staff
from app.clock import utcnow
from app.demo import blueprint
from app.demo.customers import RIVERSIDE, midday_zone
from app.demo.happenings import SHOP, WEBSITE
from app.demo.live import WEBSITE_SECRET, key_file
from app.demo.mailbox import as_mail, read_mail, shown
from app.demo.people import PLACES
from app.demo.walk import TOOK, Walk, find_walk, read_took
from app.queries.contacts import view_contact
from app.queries.installation import company
from app.queries.walks import messages_to

AMOUNT = 1990
TOOK_MAX, ACCEPTED = 8, 202


@blueprint.get("/follow/<who>/<int:after>/shop")
@staff("home")
def shop(who: str, after: int) -> Any:
    walk = find_walk(who, after)
    view = view_contact(walk.contact_id)
    done = "done" in request.args
    premium = done or (view is not None and view.attributes.get("plan") == "premium")
    proof = _prove(walk.reference)
    return render_template("demo/shop.html", walk=walk, premium=premium, done=done, source=WEBSITE, proof=proof)


def _prove(customer: str) -> str | None:
    """What makes the widget believe who she is, as the shop's server signs it; None in a company without a website."""
    file = current_app.config["DATA_DIR"] / WEBSITE_SECRET
    if not file.exists():
        return None
    return hmac.digest(file.read_text().strip().encode(), customer.encode(), sha256).hex()


@blueprint.post("/follow/<who>/<int:after>/upgrade")
@staff("home")
def upgrade(who: str, after: int) -> Any:
    """She presses the button: the shop's server tells Otklik, as any service would."""
    walk = find_walk(who, after)
    event_id = f"shop-{uuid4().hex[:12]}"
    began = perf_counter()
    status = _post_event(_upgrade(walk, event_id))
    took = round(1000 * (perf_counter() - began))
    if status != ACCEPTED:
        abort(502)
    response = redirect(walk.url("shop", done=1), 303)
    last = [*read_took().items(), (event_id, took)][-TOOK_MAX:]
    kept = "|".join(f"{name}.{ms}" for name, ms in last)
    response.set_cookie(TOOK, kept, path=url_for("demo.begin"), httponly=True, samesite="Lax")
    return response


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
            "place": PLACES[company().language][RIVERSIDE],
        },
    }


def _post_event(event: dict[str, Any]) -> int:
    """Through the public door, with the shop's own key; the request only spares itself the way over the network."""
    key = (current_app.config["DATA_DIR"] / key_file(SHOP)).read_text().strip()
    with current_app.app_context():  # a request of its own, as if another machine had made it
        answer = Client(current_app).post("/api/v1/events", json=event, headers={"Authorization": f"Bearer {key}"})
    return answer.status_code


@blueprint.get("/follow/<who>/<int:after>/mail")
@staff("home")
def inbox(who: str, after: int) -> Any:
    walk = find_walk(who, after)
    found = (read_mail(reference) for reference in messages_to(walk.contact_id))
    return render_template("demo/inbox.html", walk=walk, mails=[mail for mail in found if mail])


@blueprint.get("/follow/<who>/<int:after>/mail/<reference>")
@staff("home")
def letter(who: str, after: int, reference: str) -> Any:
    """One of her mails; nobody else's."""
    walk, found = find_walk(who, after), read_mail(reference)
    if found is None or reference not in messages_to(walk.contact_id):
        abort(404)
    return as_mail(render_template("demo/letter.html", walk=walk, mail=found, body=shown(found), back=_("Inbox")))
