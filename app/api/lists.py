"""Lists of customers, for triggers that ask everybody on one."""

from typing import Any

from flask import abort, g, jsonify
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema, fields, validate

from app.actions.lists import ListUsed, NameTaken, UnknownList, add_to_list, remove_list
from app.auth import require
from app.clock import utcnow
from app.errors import answer
from app.queries.lists import contact_lists, customers_meant
from surveys.definition import SLUG

AT_ONCE_MAX = 10_000
blueprint = Blueprint("lists", __name__, description="Lists of customers")


class Members(Schema):
    """Who is to be put on the list: ids of the key's source, ``ct_…`` ids or e-mail addresses."""

    class Meta:
        unknown = RAISE

    contacts = fields.List(
        fields.String(validate=validate.Length(1, 320)), required=True, validate=validate.Length(1, AT_ONCE_MAX)
    )


@blueprint.get("/lists")
@blueprint.doc(summary="Every list, and how many customers are on it")
@require("read")
def get_lists() -> Any:
    items = [{"slug": slug, "contacts": n, "created_at": at} for slug, (n, at) in contact_lists().items()]
    return jsonify({"items": items, "next": None})


@blueprint.post("/lists/<slug>")
@blueprint.doc(summary="Put customers on a list; it is made with the first of them")
@require("contacts:write")
@blueprint.arguments(Members)
def post_members(members: dict[str, Any], slug: str) -> Any:
    if not SLUG.fullmatch(slug):
        return answer(422, "A list is named in lower-case letters, digits and dashes, like spring-guests.")
    meant = customers_meant(members["contacts"], g.key.namespace)
    found = {contact_id for contact_id in meant if contact_id is not None}
    try:
        added = add_to_list(slug, found, actor=g.key.name, now=utcnow())
    except NameTaken:
        return answer(409, "A segment has this name already.")
    rejected = [
        {"index": index, "errors": {"id": ["No customer has this id or address."]}}
        for index, contact_id in enumerate(meant)
        if contact_id is None
    ]
    return jsonify({"added": added, "known": len(found) - added, "rejected": rejected})


@blueprint.delete("/lists/<slug>")
@blueprint.doc(summary="Take a list away; the customers stay")
@require("contacts:write")
def delete_list(slug: str) -> Any:
    try:
        remove_list(slug, actor=g.key.name, now=utcnow())
    except UnknownList:
        abort(404, "There is none with this name.")
    except ListUsed as error:
        return answer(409, f"The trigger {error} asks everybody on it.")
    return "", 204
