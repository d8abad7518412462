"""A trigger can give a code as well as an answer can."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.drop_index("ix_offer_codes_free", "offer_codes")
    with op.batch_alter_table("offer_codes") as table:
        table.add_column(sa.Column("effect_id", sa.BigInteger(), nullable=True))
        table.create_unique_constraint(op.f("uq_offer_codes_effect_id"), ["effect_id"])
    op.create_index(
        "ix_offer_codes_free", "offer_codes", ["offer_id", "id"], postgresql_where=sa.text("given_at IS NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_offer_codes_free", "offer_codes")
    with op.batch_alter_table("offer_codes") as table:
        table.drop_constraint(op.f("uq_offer_codes_effect_id"), type_="unique")
        table.drop_column("effect_id")
    op.create_index(
        "ix_offer_codes_free", "offer_codes", ["offer_id", "id"], postgresql_where=sa.text("response_id IS NULL")
    )
