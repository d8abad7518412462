"""Links that anybody may answer a survey by."""

import sqlalchemy as sa
from alembic import op
from app.extensions import Id, UtcDateTime

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "open_links",
        sa.Column("id", Id, nullable=False),
        sa.Column("public_id", sa.String(), nullable=False),
        sa.Column("survey_id", Id, nullable=False),
        sa.Column("trigger_id", Id, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("touchpoint", sa.String(), nullable=True),
        sa.Column("place", sa.String(), nullable=True),
        sa.Column("origins", sa.String(), nullable=False),
        sa.Column("restarts_after", sa.Integer(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["survey_id"], ["surveys.id"], name=op.f("fk_open_links_survey_id_surveys")),
        sa.ForeignKeyConstraint(["trigger_id"], ["triggers.id"], name=op.f("fk_open_links_trigger_id_triggers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_open_links")),
        sa.UniqueConstraint("public_id", name=op.f("uq_open_links_public_id")),
    )
    op.create_index("ix_open_links_survey_id", "open_links", ["survey_id"])


def downgrade() -> None:
    op.drop_index("ix_open_links_survey_id", "open_links")
    op.drop_table("open_links")
