"""Moments that become events: timers, and how far contacts were looked through; lists; members of segments."""

import sqlalchemy as sa
from alembic import op

from app.extensions import Id, Json, UtcDateTime

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "timers",
        sa.Column("id", Id, nullable=False),
        sa.Column("trigger_id", Id, nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=True),
        sa.Column("event_id", sa.BigInteger(), nullable=True),
        sa.Column("depth", sa.SmallInteger(), nullable=False),
        sa.Column("told", Json, nullable=False),
        sa.ForeignKeyConstraint(["trigger_id"], ["triggers.id"], name=op.f("fk_timers_trigger_id_triggers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timers")),
        sa.UniqueConstraint("trigger_id", "contact_id", "key", name=op.f("uq_timers_trigger_id_contact_id_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("timers", schema=None) as batch_op:
        batch_op.create_index("ix_timers_waiting", ["due_at"], unique=False, postgresql_where="state = 'waiting'")
        batch_op.create_index("ix_timers_ripe", ["id"], unique=False, postgresql_where="state = 'ripe'")
        batch_op.create_index("ix_timers_contact", ["contact_id"], unique=False)
    op.create_table(
        "timer_watches",
        sa.Column("trigger_id", Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("live_at", UtcDateTime(), nullable=True),
        sa.Column("scanned_until", UtcDateTime(), nullable=True),
        sa.Column("scanning_until", UtcDateTime(), nullable=True),
        sa.Column("began_at", UtcDateTime(), nullable=True),
        sa.Column("after_id", sa.BigInteger(), nullable=False),
        sa.Column("found", sa.BigInteger(), nullable=False),
        sa.Column("next_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["trigger_id"], ["triggers.id"], name=op.f("fk_timer_watches_trigger_id_triggers")),
        sa.PrimaryKeyConstraint("trigger_id", name=op.f("pk_timer_watches")),
    )
    with op.batch_alter_table("timer_watches", schema=None) as batch_op:
        batch_op.create_index("ix_timer_watches_next", ["next_at"], unique=False)
    op.create_table(
        "lists",
        sa.Column("id", Id, nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lists")),
        sa.UniqueConstraint("slug", name=op.f("uq_lists_slug")),
    )
    op.create_table(
        "list_members",
        sa.Column("list_id", Id, nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["list_id"], ["lists.id"], name=op.f("fk_list_members_list_id_lists")),
        sa.PrimaryKeyConstraint("list_id", "contact_id", name=op.f("pk_list_members")),
    )
    op.create_table(
        "segment_members",
        sa.Column("trigger_id", Id, nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["trigger_id"], ["triggers.id"], name=op.f("fk_segment_members_trigger_id_triggers")),
        sa.PrimaryKeyConstraint("trigger_id", "contact_id", name=op.f("pk_segment_members")),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(
            "ix_events_occurred",
            ["occurred_at"],
            unique=False,
            postgresql_using="brin",
            postgresql_with={"pages_per_range": 32, "autosummarize": "on"},
        )
    op.execute(
        "INSERT INTO timer_watches (trigger_id, after_id, found, next_at)"
        " SELECT id, 0, 0, CURRENT_TIMESTAMP FROM triggers WHERE archived_at IS NULL"
    )


def downgrade() -> None:
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index("ix_events_occurred")
    for table in ("segment_members", "list_members", "lists", "timer_watches", "timers"):
        op.drop_table(table)
