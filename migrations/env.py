"""How migrations run: on the application's own engine, in one transaction."""

from typing import Any

from alembic import context
from alembic.autogenerate.api import AutogenContext
from flask import current_app
from sqlalchemy.types import TypeEngine

import app.models  # noqa: F401 names every table
from app.extensions import WRITING, UtcDateTime, db


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | bool:
    """Write our own column type by its place, not as what it decorates."""
    if kind == "type" and isinstance(item, UtcDateTime):
        autogen.imports.add("from app.extensions import UtcDateTime")
        return "UtcDateTime()"
    if kind == "type" and isinstance(item, TypeEngine) and getattr(item, "_variant_mapping", None):
        return _variant(item, autogen)
    return False


def _variant(item: Any, autogen: AutogenContext) -> str | bool:
    names = {"JSONB": "Json", "INTEGER": "Id"}
    for variant in item._variant_mapping.values():  # noqa: SLF001 the only place where variants are kept
        if name := names.get(variant.__class__.__name__.upper()):
            autogen.imports.add(f"from app.extensions import {name}")
            return name
    return False


with db.engine.connect().execution_options(**WRITING) as connection:
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        render_item=render_item,
        **current_app.extensions["migrate"].configure_args,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
