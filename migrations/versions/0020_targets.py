"""What figures are meant to reach."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "targets",
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("metric", name=op.f("pk_targets")),
    )


def downgrade() -> None:
    op.drop_table("targets")
