"""The rules in full: waiting, reminders, quotas of invitations, crises, complaints and codes that lapse."""

import sqlalchemy as sa
from alembic import op
from app.extensions import Id, UtcDateTime

revision = "0006"
down_revision = "0005"

TAKEN = ["contact_id", "address_id", "class", "channel", "survey", "trigger", "counts_at"]


def upgrade() -> None:
    op.create_table(
        "crises",
        sa.Column("id", Id, nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("declared_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crises")),
    )
    op.create_index("ix_crises_ends_at", "crises", ["ends_at"])
    op.create_table(
        "quota_uses",
        sa.Column("trigger_id", Id, nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["trigger_id"], ["triggers.id"], name=op.f("fk_quota_uses_trigger_id_triggers")),
        sa.PrimaryKeyConstraint("trigger_id", "starts_at", name=op.f("pk_quota_uses")),
    )
    op.create_table(
        "invitation_news",
        sa.Column("id", Id, nullable=False),
        sa.Column("invitation_id", Id, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["invitation_id"], ["invitations.id"], name=op.f("fk_invitation_news_invitation_id_invitations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation_news")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "tally_corrections",
        sa.Column("id", Id, nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("trigger_id", Id, nullable=False),
        sa.Column("was", sa.String(), nullable=False),
        sa.Column("became", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["trigger_id"], ["triggers.id"], name=op.f("fk_tally_corrections_trigger_id_triggers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tally_corrections")),
    )
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("retry_at", UtcDateTime(), nullable=True))
        batch_op.create_index("ix_decisions_deferred", ["contact_id"], postgresql_where="retry_at IS NOT NULL")
        batch_op.create_index("ix_decisions_retry", ["retry_at"], postgresql_where="retry_at IS NOT NULL")
    with op.batch_alter_table("complaints", schema=None) as batch_op:
        batch_op.add_column(sa.Column("lapsed_at", UtcDateTime(), nullable=True))
        batch_op.create_index(
            "ix_complaints_open", ["opened_at"], postgresql_where="closed_at IS NULL AND lapsed_at IS NULL"
        )
    with op.batch_alter_table("invitations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("cause_id", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("remind_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("reminders", sa.SmallInteger(), nullable=False, server_default="0"))
        batch_op.create_index("ix_invitations_remind", ["remind_at"], postgresql_where="remind_at IS NOT NULL")
        batch_op.create_index(
            "ix_invitations_out", ["trigger_id"], postgresql_where="state IN ('planned', 'open', 'started')"
        )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reminder", sa.SmallInteger(), nullable=False, server_default="0"))
    with op.batch_alter_table("offer_codes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("expires_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("expired_at", UtcDateTime(), nullable=True))
        batch_op.create_index(
            "ix_offer_codes_expiring",
            ["expires_at"],
            postgresql_where="expires_at IS NOT NULL AND expired_at IS NULL",
        )
    _widen_reservations()


def _widen_reservations() -> None:
    """A place has an id of its own, since not only invitations take one."""
    taken = ", ".join(f'"{name}"' for name in TAKEN)
    op.execute("CREATE TABLE reservations_before AS SELECT * FROM reservations")
    op.drop_table("reservations")
    op.create_table(
        "reservations",
        sa.Column("id", Id, nullable=False),
        sa.Column("invitation_id", Id, nullable=True),
        sa.Column("reminder", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("event_id", sa.BigInteger(), nullable=True),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("address_id", Id, nullable=True),
        sa.Column("class", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("survey", sa.String(), nullable=True),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("counts_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["address_id"], ["addresses.id"], name=op.f("fk_reservations_address_id_addresses")),
        sa.ForeignKeyConstraint(
            ["invitation_id"], ["invitations.id"], name=op.f("fk_reservations_invitation_id_invitations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservations")),
        sa.UniqueConstraint("invitation_id", "reminder", name=op.f("uq_reservations_invitation_id_reminder")),
        sa.UniqueConstraint("event_id", name=op.f("uq_reservations_event_id")),
    )
    op.execute(
        f"INSERT INTO reservations (invitation_id, reminder, {taken})"
        f" SELECT invitation_id, 0, {taken} FROM reservations_before"
    )
    op.drop_table("reservations_before")
    op.create_index("ix_reservations_contact", "reservations", ["contact_id", "counts_at"])
    op.create_index("ix_reservations_address", "reservations", ["address_id", "counts_at"])


def downgrade() -> None:
    kept = ", ".join(f'"{name}"' for name in ("invitation_id", *TAKEN))
    op.execute("CREATE TABLE reservations_now AS SELECT * FROM reservations")
    op.drop_table("reservations")
    op.create_table(
        "reservations",
        sa.Column("invitation_id", Id, nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("address_id", Id, nullable=False),
        sa.Column("class", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("survey", sa.String(), nullable=True),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("counts_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["address_id"], ["addresses.id"], name=op.f("fk_reservations_address_id_addresses")),
        sa.ForeignKeyConstraint(
            ["invitation_id"], ["invitations.id"], name=op.f("fk_reservations_invitation_id_invitations")
        ),
        sa.PrimaryKeyConstraint("invitation_id", name=op.f("pk_reservations")),
    )
    op.execute(
        f"INSERT INTO reservations ({kept}) SELECT {kept} FROM reservations_now"
        " WHERE invitation_id IS NOT NULL AND reminder = 0"
    )
    op.drop_table("reservations_now")
    op.create_index("ix_reservations_contact", "reservations", ["contact_id", "counts_at"])
    op.create_index("ix_reservations_address", "reservations", ["address_id", "counts_at"])
    with op.batch_alter_table("offer_codes", schema=None) as batch_op:
        batch_op.drop_index("ix_offer_codes_expiring")
        batch_op.drop_column("expired_at")
        batch_op.drop_column("expires_at")
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_column("reminder")
    with op.batch_alter_table("invitations", schema=None) as batch_op:
        batch_op.drop_index("ix_invitations_out")
        batch_op.drop_index("ix_invitations_remind")
        batch_op.drop_column("reminders")
        batch_op.drop_column("remind_at")
        batch_op.drop_column("cause_id")
    with op.batch_alter_table("complaints", schema=None) as batch_op:
        batch_op.drop_index("ix_complaints_open")
        batch_op.drop_column("lapsed_at")
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.drop_index("ix_decisions_retry")
        batch_op.drop_index("ix_decisions_deferred")
        batch_op.drop_column("retry_at")
    op.drop_table("tally_corrections")
    op.drop_table("invitation_news")
    op.drop_table("quota_uses")
    op.drop_index("ix_crises_ends_at", "crises")
    op.drop_table("crises")
