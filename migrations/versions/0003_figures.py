"""Figures by a further dimension, the way from event to question, topics, and marked changes."""

from datetime import timedelta

import sqlalchemy as sa
from alembic import op
from app.extensions import Id
from app.extensions import UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:

    with op.batch_alter_table("rollups", schema=None) as batch_op:
        batch_op.add_column(sa.Column("dimension", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("value", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("csat_sum", sa.Float(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("csat_squares", sa.Float(), nullable=False, server_default="0"))
        batch_op.drop_index("ix_rollups_day")
        batch_op.create_index("ix_rollups_dimension", ["dimension", "day"], unique=False)
    op.create_table(
        "tallies",
        sa.Column("id", Id, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("trigger_id", Id, nullable=False),
        sa.Column("touchpoint", sa.String(), nullable=False),
        sa.Column("dimension", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tallies")),
        sa.UniqueConstraint(
            "day", "type", "trigger_id", "touchpoint", "dimension", "value", "outcome", name="uq_tallies"
        ),
    )
    op.create_table(
        "tally_marks",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("event_id", Id, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tally_marks")),
    )
    op.create_table(
        "response_topics",
        sa.Column("response_id", Id, nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["response_id"], ["responses.id"], name=op.f("fk_response_topics_response_id_responses")
        ),
        sa.PrimaryKeyConstraint("response_id", "topic", name=op.f("pk_response_topics")),
    )
    op.create_table(
        "markers",
        sa.Column("id", Id, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=True),
        sa.Column("touchpoint", sa.String(), nullable=True),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_markers")),
    )
    with op.batch_alter_table("markers", schema=None) as batch_op:
        batch_op.create_index("ix_markers_day", ["day"], unique=False)
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.create_index("ix_tasks_created", ["created_at"], unique=False)
    # What was counted before is counted again, with the further dimensions; half days, whatever the company's zone.
    connection = op.get_bind()
    sent, done = (
        sa.table("invitations", sa.column("handed_over_at", UtcDateTime())),
        sa.table("responses", sa.column("completed_at", UtcDateTime())),
    )
    for moment in (sent.c.handed_over_at, done.c.completed_at):
        first, last = connection.execute(
            sa.select(sa.func.min(moment, type_=UtcDateTime()), sa.func.max(moment, type_=UtcDateTime()))
        ).one()
        if first is not None:
            halves = range(int((last - first) / timedelta(hours=12)) + 2)
            op.bulk_insert(
                sa.table("dirty_days", sa.column("moment", UtcDateTime())),
                [{"moment": first + timedelta(hours=12) * n} for n in halves],
            )
    op.execute("UPDATE responses SET scored_at = NULL WHERE complete")


def downgrade() -> None:
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.drop_index("ix_tasks_created")

    op.drop_table("markers")
    op.drop_table("response_topics")
    op.drop_table("tally_marks")
    op.drop_table("tallies")
    op.execute("DELETE FROM rollups WHERE dimension <> ''")
    with op.batch_alter_table("rollups", schema=None) as batch_op:
        batch_op.drop_index("ix_rollups_dimension")
        batch_op.create_index("ix_rollups_day", ["day"], unique=False)
        batch_op.drop_column("csat_squares")
        batch_op.drop_column("csat_sum")
        batch_op.drop_column("value")
        batch_op.drop_column("dimension")
