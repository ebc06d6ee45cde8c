"""Agents: crashes of late, a worktree of their own, the process behind an adopted pane."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("agents") as table:
        table.add_column(sa.Column("pane_pid", sa.Integer(), nullable=True))
        table.add_column(sa.Column("worktree", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("crashes", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    with op.batch_alter_table("agents") as table:
        table.drop_column("crashes")
        table.drop_column("worktree")
        table.drop_column("pane_pid")
