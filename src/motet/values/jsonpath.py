"""Parts of plain values, as JSONPath names them: the only module that imports its library."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from motet.errors import UsageError
from motet.kernel.events import Json


def part(result: Json, output: str) -> Json:
    """What of a result `output` means: the value of that key, or the one match of it as JSONPath; "" means all.

    Raises UsageError for none, or several.
    """
    if not output:
        return result
    if isinstance(result, dict) and output in result:
        return result[output]
    matches = [each.value for each in _compiled(output).find(result)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UsageError(f"output {output!r} matches {len(matches)} values", "Name one of them.")
    has = f"it has {', '.join(map(repr, result)) or 'none'}" if isinstance(result, dict) else f"it is {result!r:.80}"
    raise UsageError(f"there is no output {output!r}: {has}", "Name what the publisher of that step gives.")


@lru_cache(1000)
def _compiled(output: str) -> Any:
    if re.fullmatch(r"[\w-]+", output):
        return _Nothing  # a plain key needs no library to be found missing
    try:
        from jsonpath_ng.parser import parse as compiled
    except ImportError:
        raise UsageError(
            f"output {output!r} is JSONPath", "Install what reads it: pip install 'motet[yadage]'"
        ) from None
    try:
        return compiled(output)
    except Exception as error:  # noqa: BLE001 - boundary: the library's parser raises several kinds
        raise UsageError(f"output {output!r} is no JSONPath: {error}", "Write key, key.inner or key.list[0].") from None


class _Nothing:
    @staticmethod
    def find(result: Json) -> list[Any]:
        return []
