"""The company's name, zone, language, sender and looks, set on screen."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
NAMES = ("company_name", "company_zone", "language", "mail_from", "brand_colour", "logo_type", "logo_tag")


def upgrade() -> None:
    with op.batch_alter_table("installation", schema=None) as batch_op:
        for name in NAMES:
            batch_op.add_column(sa.Column(name, sa.String(), nullable=True))
        batch_op.add_column(sa.Column("logo", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("installation", schema=None) as batch_op:
        for name in (*NAMES, "logo"):
            batch_op.drop_column(name)
