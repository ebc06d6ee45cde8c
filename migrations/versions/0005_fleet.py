"""Moves between accounts, and stops at a usage limit."""

import sqlalchemy as sa
from alembic import op

import bot.store.tables.base

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rotations",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("conversation", sa.String(), nullable=True),
        sa.Column("source_file", sa.String(), nullable=True),
        sa.Column("target_file", sa.String(), nullable=True),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("began_at", bot.store.tables.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ended_at", bot.store.tables.base.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rotations")),
    )
    op.create_index(op.f("ix_rotations_agent"), "rotations", ["agent"])
    op.create_table(
        "limit_stops",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("profile", sa.String(), nullable=True),
        sa.Column("bead", sa.String(), nullable=True),
        sa.Column("stopped_at", bot.store.tables.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("resets_at", sa.Double(), nullable=True),
        sa.Column("resume_at", sa.Double(), nullable=True),
        sa.Column("delivery", sa.String(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("ended_at", bot.store.tables.base.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_limit_stops")),
    )
    op.create_index(op.f("ix_limit_stops_agent"), "limit_stops", ["agent"])


def downgrade() -> None:
    op.drop_table("limit_stops")
    op.drop_table("rotations")
