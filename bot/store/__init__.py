"""The store: SQLAlchemy engine, tables, transactions."""

from bot.store.engine import Store, Transaction

__all__ = ["Store", "Transaction"]
