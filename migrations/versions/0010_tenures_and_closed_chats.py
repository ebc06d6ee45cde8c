"""Whose a message is and for how long; chats that cannot be written to.

What failed because a chat could not be written to is due again: the chat is remembered now, and its messages wait.
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_outbox = sa.table(
    "outbox",
    sa.column("status", sa.String()),
    sa.column("last_error", sa.Text()),
    sa.column("created_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    op.create_table(
        "closed_chats",
        sa.Column("chat_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("topic", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_out", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("chat_id", "topic", name=op.f("pk_closed_chats")),
    )
    with op.batch_alter_table("people") as table:
        table.add_column(sa.Column("tenure", sa.BigInteger(), nullable=True))
    op.execute("UPDATE people SET tenure = user_id")
    with op.batch_alter_table("people") as table:
        table.alter_column("tenure", existing_type=sa.BigInteger(), nullable=False)
    with op.batch_alter_table("outbox") as table:
        table.add_column(sa.Column("tenure", sa.BigInteger(), nullable=True))
    lately = _outbox.c.created_at > datetime.now(UTC) - timedelta(hours=24)
    closed = _outbox.c.last_error.like("Forbidden%") | _outbox.c.last_error.like("%chat not found%")
    op.execute(
        sa.update(_outbox).where(_outbox.c.status == "failed", closed, lately).values(status="due", last_error="")
    )


def downgrade() -> None:
    op.execute("UPDATE outbox SET status = 'failed' WHERE status = 'ended'")
    with op.batch_alter_table("outbox") as table:
        table.drop_column("tenure")
    with op.batch_alter_table("people") as table:
        table.drop_column("tenure")
    op.drop_table("closed_chats")
