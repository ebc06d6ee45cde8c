"""Who called a prompt off that waits for its agent."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("deliveries") as table:
        table.add_column(sa.Column("called_off_by", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("deliveries") as table:
        table.alter_column("called_off_by", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("deliveries") as table:
        table.drop_column("called_off_by")
