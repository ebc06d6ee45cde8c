"""Which prompts of a draft each chat was shown; updates whose text is a piece of a longer one."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "draft_views",
        sa.Column("draft_id", sa.String(), nullable=False),
        sa.Column("chat_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("prompts", sa.JSON(), nullable=False),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["drafts.id"], name=op.f("fk_draft_views_draft_id_drafts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("draft_id", "chat_id", name=op.f("pk_draft_views")),
    )
    with op.batch_alter_table("updates") as table:
        table.add_column(sa.Column("piece_of", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("updates") as table:
        table.drop_column("piece_of")
    op.drop_table("draft_views")
