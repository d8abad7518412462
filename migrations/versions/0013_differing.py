"""Everybody whose outcome differs in a rehearsal, and the page it was asked for on; when the house was put in order."""

import sqlalchemy as sa
from alembic import op
from app.extensions import Id, Json, UtcDateTime

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("simulations", sa.Column("page", sa.String(), nullable=True))
    op.create_table(
        "simulation_contacts",
        sa.Column("simulation_id", Id, nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("told", Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["simulation_id"],
            ["simulations.id"],
            name=op.f("fk_simulation_contacts_simulation_id_simulations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("simulation_id", "contact_id", name=op.f("pk_simulation_contacts")),
    )
    op.create_index("ix_simulation_contacts_contact", "simulation_contacts", ["contact_id"])
    op.add_column("installation", sa.Column("tidied_at", UtcDateTime(), nullable=True))
    op.execute("DELETE FROM simulations")  # what came of them is kept in another form from here on


def downgrade() -> None:
    op.drop_column("installation", "tidied_at")
    op.drop_index("ix_simulation_contacts_contact", "simulation_contacts")
    op.drop_table("simulation_contacts")
    op.drop_column("simulations", "page")
    op.execute("DELETE FROM simulations")
