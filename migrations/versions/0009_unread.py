"""Columns that nobody read: the ref of a delivery is its id; where a move copied to follows from its profile."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index(op.f("ix_deliveries_ref"), table_name="deliveries")
    with op.batch_alter_table("deliveries") as table:
        table.drop_column("ref")
    with op.batch_alter_table("rotations") as table:
        table.drop_column("target_file")


def downgrade() -> None:
    with op.batch_alter_table("rotations") as table:
        table.add_column(sa.Column("target_file", sa.String(), nullable=True))
    with op.batch_alter_table("deliveries") as table:
        table.add_column(sa.Column("ref", sa.String(), nullable=True))
    op.execute("UPDATE deliveries SET ref = id")
    with op.batch_alter_table("deliveries") as table:
        table.alter_column("ref", existing_type=sa.String(), nullable=False)
    op.create_index(op.f("ix_deliveries_ref"), "deliveries", ["ref"])
