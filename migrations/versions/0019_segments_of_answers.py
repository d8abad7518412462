"""Which segments contacts belonged to when they were asked, and when they answered: counted from now on."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

UNSEGMENTED = sa.text("segments IS NULL AND handed_over_at IS NOT NULL AND survey_version_id IS NOT NULL")


def upgrade() -> None:
    op.add_column("invitations", sa.Column("segments", sa.String(), nullable=True))
    op.add_column("responses", sa.Column("segments", sa.String(), nullable=True))
    op.execute(sa.text("UPDATE invitations SET segments = '' WHERE handed_over_at IS NOT NULL"))
    op.create_index(
        "ix_invitations_unsegmented",
        "invitations",
        ["segments"],
        postgresql_where=UNSEGMENTED,
        sqlite_where=UNSEGMENTED,
    )


def downgrade() -> None:
    op.drop_index("ix_invitations_unsegmented", "invitations")
    op.drop_column("responses", "segments")
    op.drop_column("invitations", "segments")
