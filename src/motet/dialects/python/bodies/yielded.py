"""What generators have yielded, as it is recorded."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any


class Yielded(list[Any]):
    """The values that a generator has yielded, and in `returned` what it returned at its end."""

    returned: Any = None

    @classmethod
    def of(cls, generator: Generator[Any, Any, Any]) -> Yielded:
        """All that the generator yields."""
        values = cls()
        while True:
            try:
                values.append(next(generator))
            except StopIteration as end:
                if end.value is not None:
                    values.returned = end.value
                return values

    def plain(self) -> Any:
        """As it is recorded: a plain list where nothing was returned."""
        return self if "returned" in self.__dict__ else list(self)
