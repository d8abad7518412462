"""The widget: popups that no page has come for."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    with op.batch_alter_table("invitations", schema=None) as batch_op:
        batch_op.create_index(
            "ix_invitations_unfetched",
            ["stale_at"],
            unique=False,
            postgresql_where="channel = 'web' AND state = 'planned'",
        )


def downgrade() -> None:
    with op.batch_alter_table("invitations", schema=None) as batch_op:
        batch_op.drop_index("ix_invitations_unfetched", postgresql_where="channel = 'web' AND state = 'planned'")
