"""What the bot does by itself: announced, declined or done. Agents that a person wants moved are such rows now."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

import bot.store.tables.base

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = bot.store.tables.base.UtcDateTime(timezone=True)
    op.create_table(
        "self_actions",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("due_at", moment, nullable=True),
        sa.Column("announced_at", moment, nullable=False),
        sa.Column("told_at", moment, nullable=True),
        sa.Column("declined_by", sa.String(), nullable=False),
        sa.Column("audit", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("ended_at", moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_self_actions")),
    )
    op.create_index(op.f("ix_self_actions_agent"), "self_actions", ["agent"])
    op.create_index(
        "uq_self_actions_open",
        "self_actions",
        ["kind", "cause"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    _take_over_wishes()


def downgrade() -> None:
    op.drop_table("self_actions")


def _take_over_wishes() -> None:
    """Up to here they stood in one setting: {agent: {"by", "at": epoch seconds, "off": profile}}."""
    settings = sa.table("settings", sa.column("key", sa.String), sa.column("value", sa.JSON))
    connection = op.get_bind()
    wishes = connection.scalar(sa.select(settings.c.value).where(settings.c.key == "rotation.wishes"))
    for agent, wish in (wishes or {}).items():
        connection.execute(sa.insert(_actions).values(_row(agent, wish)))
    connection.execute(sa.delete(settings).where(settings.c.key == "rotation.wishes"))


def _row(agent: str, wish: dict[str, Any]) -> dict[str, Any]:
    by = str(wish["by"])
    data = {"source": wish["off"], "target": None, "why": f"{by} asked for it", "asked_by": by}
    at = datetime.fromtimestamp(float(wish["at"]), UTC)
    fixed = {"kind": "move", "status": "announced", "declined_by": "", "outcome": ""}
    return {**fixed, "agent": agent, "cause": agent, "data": data, "announced_at": at}


_actions = sa.table(
    "self_actions",
    *(sa.column(name, sa.String) for name in ("kind", "agent", "cause", "status", "declined_by", "outcome")),
    sa.column("data", sa.JSON),
    sa.column("announced_at", sa.DateTime(timezone=True)),
)
