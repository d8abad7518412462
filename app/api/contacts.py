"""Contacts: read, told, and forgotten."""

from dataclasses import asdict
from typing import Any

from flask import abort, current_app, g, jsonify, request
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema, ValidationError, fields, validate

from app.actions.contacts import put_contacts
from app.actions.erasure import erase_contact
from app.auth import require
from app.channels.email import forget
from app.clock import utcnow
from app.errors import answer
from app.inbound.bodies import fault_of, inflate, parse_json
from app.inbound.envelopes import ContactSchema
from app.jobs import ring
from app.queries.contacts import find_contacts, find_own_contact, view_contact
from app.queries.installation import company
from app.queries.permissions import may_contact
from surveys.contact_policy import ANY_CHANNEL, Reservation
from surveys.triggers import CLASSES

REFERENCE_MAX = 200
blueprint = Blueprint("contacts", __name__, description="Customers")


def one_contact(reference: str) -> int:
    """The contact that a reference means; aborts with 404, or 409 when it means several."""
    found = find_contacts(reference, g.key.namespace)
    if not found:
        abort(404, "No contact has this id.")
    if len(found) > 1:
        abort(409, "Several contacts have this id in different sources; use their ct_… ids.")
    return found[0]


@blueprint.get("/contacts/<path:reference>")
@blueprint.doc(summary="One contact")
@require("read")
def get_contact(reference: str) -> Any:
    contact = view_contact(one_contact(reference))
    return jsonify(asdict(contact)) if contact else abort(404, "No contact has this id.")


class MessageQuery(Schema):
    """A message that another system would like to send now."""

    class_ = fields.String(
        data_key="class", load_default=CLASSES[0], validate=validate.OneOf(CLASSES), metadata={"example": "marketing"}
    )
    channel = fields.String(required=True, validate=validate.OneOf(ANY_CHANNEL), metadata={"example": "email"})
    survey = fields.String(load_default=None)


@blueprint.get("/contacts/<path:reference>/may-contact")
@blueprint.doc(summary="Whether another system may write to a contact now, by the gates and limits of our own messages")
@require("read")
@blueprint.arguments(MessageQuery, location="query", unknown=RAISE)
def may_be_contacted(query: dict[str, Any], reference: str) -> Any:
    asked = Reservation(utcnow(), query["class_"], query["channel"], query["survey"], "")
    number, closed = may_contact(one_contact(reference), asked, company().zone)
    why = asdict(closed) if closed else dict.fromkeys(("reason", "observed", "limit", "rule", "next_possible_at"))
    return jsonify({"contact": reference, "may_contact": closed is None, **why, "policy_version": number})


@blueprint.put("/contacts/<path:reference>")
@blueprint.doc(
    summary="Make or change a contact; attributes are merged, null deletes one",
    requestBody={"content": {"application/json": {"schema": ContactSchema}}},
)
@require("contacts:write")
def change_contact(reference: str) -> Any:
    if len(reference) > REFERENCE_MAX:
        return answer(422, f"An id has at most {REFERENCE_MAX} characters.")
    block = parse_json(inflate(request.get_data(), request.headers.get("Content-Encoding", "")))
    if fault := fault_of(block):
        return answer(422, fault)
    try:
        loaded = ContactSchema(exclude=("id",)).load(block)
    except ValidationError as error:
        return answer(422, "Some fields are not right.", errors=error.messages)
    (contact_id,) = put_contacts(g.key.source_id, [(reference, loaded)], utcnow(), current_app.config["PHONE_REGION"])
    ring("announce")
    contact = view_contact(contact_id)
    return jsonify(asdict(contact)) if contact else abort(404)


@blueprint.delete("/contacts/<path:reference>")
@blueprint.doc(summary="Forget a contact; what stays is that they are left in peace")
@require("contacts:write")
def delete_contact(reference: str) -> Any:
    contact_id = find_own_contact(reference, g.key.namespace)
    if contact_id is None:
        abort(404, "No contact of this key's source has this id.")
    forget(current_app.config["DATA_DIR"] / "mail", erase_contact(contact_id, utcnow(), actor=g.key.name))
    return "", 204
