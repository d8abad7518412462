"""Answers that were given elsewhere: perhaps nobody knows by whom, and they were sent to no address."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
COLUMNS = (("invitations", "contact_id"), ("invitations", "address_id"), ("responses", "contact_id"))


def upgrade() -> None:
    for table, column in COLUMNS:
        _may_be_null(table, column, nullable=True)


def downgrade() -> None:
    op.execute(
        "DELETE FROM response_topics WHERE response_id IN (SELECT r.id FROM responses r JOIN invitations i"
        " ON i.id = r.invitation_id WHERE i.address_id IS NULL)"
    )
    op.execute(
        "DELETE FROM scores WHERE response_id IN (SELECT r.id FROM responses r JOIN invitations i"
        " ON i.id = r.invitation_id WHERE i.address_id IS NULL)"
    )
    op.execute("DELETE FROM responses WHERE invitation_id IN (SELECT id FROM invitations WHERE address_id IS NULL)")
    op.execute("DELETE FROM invitations WHERE address_id IS NULL")
    for table, column in COLUMNS:
        _may_be_null(table, column, nullable=False)


def _may_be_null(table: str, column: str, *, nullable: bool) -> None:
    """On SQLite the definition itself is changed: a new table in place of this one would lose what points to it."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        op.alter_column(table, column, nullable=nullable)
        return
    named = {"table": table}
    written = connection.scalar(sa.text("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = :table"), named)
    pattern = rf"(\b{column}\b\"? (?:BIGINT|INTEGER))( NOT NULL)?"
    changed, count = re.subn(pattern, r"\1" if nullable else r"\1 NOT NULL", written, count=1)
    assert count == 1, written
    version = connection.scalar(sa.text("PRAGMA schema_version"))
    connection.execute(sa.text("PRAGMA writable_schema = ON"))
    connection.execute(
        sa.text("UPDATE sqlite_schema SET sql = :sql WHERE type = 'table' AND name = :table"), {**named, "sql": changed}
    )
    connection.execute(sa.text(f"PRAGMA schema_version = {version + 1}"))
    connection.execute(sa.text("PRAGMA writable_schema = OFF"))
