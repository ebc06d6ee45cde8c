"""The store: SQLAlchemy engine, tables, transactions."""

from bot.store.engine import Store, Transaction, rows_changed

__all__ = ["Store", "Transaction", "rows_changed"]
