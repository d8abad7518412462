"""What pages of the staff site look things up by."""

from alembic import op

revision = "0005"
down_revision = "0004"
LOOKED_AT = "state IN ('unknown', 'refused', 'retrying')"


def upgrade() -> None:
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.create_index("ix_tasks_contact", ["contact_id"], unique=False)
    with op.batch_alter_table("responses", schema=None) as batch_op:
        batch_op.create_index("ix_responses_contact", ["contact_id", "id"], unique=False)
    with op.batch_alter_table("identities", schema=None) as batch_op:
        batch_op.create_index("ix_identities_value", ["value"], unique=False)
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index("ix_deliveries_looked_at", ["state", "id"], unique=False, postgresql_where=LOOKED_AT)
    with op.batch_alter_table("invitations", schema=None) as batch_op:
        batch_op.create_index(
            "ix_invitations_completed", ["completed_at"], unique=False, postgresql_where="completed_at IS NOT NULL"
        )


def downgrade() -> None:
    with op.batch_alter_table("invitations", schema=None) as batch_op:
        batch_op.drop_index("ix_invitations_completed", postgresql_where="completed_at IS NOT NULL")
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_index("ix_deliveries_looked_at", postgresql_where=LOOKED_AT)
    with op.batch_alter_table("identities", schema=None) as batch_op:
        batch_op.drop_index("ix_identities_value")
    with op.batch_alter_table("responses", schema=None) as batch_op:
        batch_op.drop_index("ix_responses_contact")
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.drop_index("ix_tasks_contact")
