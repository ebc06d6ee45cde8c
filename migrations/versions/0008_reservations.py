"""Files that agents reserved in Agent Mail."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reservations",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project", "number", name=op.f("pk_reservations")),
    )
    op.create_index(op.f("ix_reservations_agent"), "reservations", ["agent"])


def downgrade() -> None:
    op.drop_index(op.f("ix_reservations_agent"), table_name="reservations")
    op.drop_table("reservations")
