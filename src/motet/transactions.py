"""Blocks that are undone as a whole: `from motet.transactions import transaction`. Names are those of Prefect 3."""

from motet.dialects.python.world.transactions import (
    CommitMode,
    IsolationLevel,
    Transaction,
    get_transaction,
    transaction,
)

__all__ = ["CommitMode", "IsolationLevel", "Transaction", "get_transaction", "transaction"]
