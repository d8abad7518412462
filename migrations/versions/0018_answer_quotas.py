"""Quotas by answer: how many have answered of each kind."""

import sqlalchemy as sa
from alembic import op
from app.extensions import Id

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "answer_quota_uses",
        sa.Column("survey_id", Id, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["survey_id"], ["surveys.id"], name=op.f("fk_answer_quota_uses_survey_id_surveys")),
        sa.PrimaryKeyConstraint("survey_id", "name", name=op.f("pk_answer_quota_uses")),
    )


def downgrade() -> None:
    op.drop_table("answer_quota_uses")
