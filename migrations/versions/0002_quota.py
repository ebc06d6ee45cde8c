"""Quota: events, buckets, readings, what was told, how far files were read."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "quota_buckets",
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("profile", "start", name=op.f("pk_quota_buckets")),
    )
    op.create_table(
        "quota_events",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cached_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_quota_events")),
    )
    op.create_index("ix_quota_events_window", "quota_events", ["profile", "at", "tokens"], unique=False)
    op.create_table(
        "quota_files",
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("inode", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_quota_files")),
    )
    op.create_index(op.f("ix_quota_files_profile"), "quota_files", ["profile"], unique=False)
    op.create_table(
        "quota_readings",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("window", sa.String(), nullable=False),
        sa.Column("limit_id", sa.String(), nullable=False),
        sa.Column("minutes", sa.Double(), nullable=False),
        sa.Column("percent", sa.Double(), nullable=False),
        sa.Column("resets_at", sa.Double(), nullable=True),
        sa.Column("reached", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quota_readings")),
    )
    op.create_index("ix_quota_readings_window", "quota_readings", ["profile", "window", "at"], unique=False)
    op.create_table(
        "quota_told",
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("window", sa.String(), nullable=False),
        sa.Column("instance", sa.Double(), nullable=True),
        sa.Column("highest", sa.Integer(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("muted_until", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("profile", "window", name=op.f("pk_quota_told")),
    )


def downgrade() -> None:
    op.drop_table("quota_told")
    op.drop_index("ix_quota_readings_window", table_name="quota_readings")
    op.drop_table("quota_readings")
    op.drop_index(op.f("ix_quota_files_profile"), table_name="quota_files")
    op.drop_table("quota_files")
    op.drop_index("ix_quota_events_window", table_name="quota_events")
    op.drop_table("quota_events")
    op.drop_table("quota_buckets")
