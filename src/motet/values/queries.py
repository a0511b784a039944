"""Queries over plain values: parts of them by JSONPath; and jq, each script in a process of its own: one that does not
end is ended, and takes nobody along.
"""

from __future__ import annotations

import json
import re
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from motet.errors import MotetError, TimedOut, UsageError

if TYPE_CHECKING:
    from motet.kernel.events import Json

LIMIT_S = 60.0
"""How long a script may take."""

_PROGRAM = """
import json, resource, sys
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
try:
    import jq
except ImportError:
    sys.exit(3)
script, value = json.load(sys.stdin)
try:
    found = jq.compile(script).input_value(value).all()
except ValueError as error:
    print(str(error).strip(), file=sys.stderr)
    sys.exit(4)
json.dump(found, sys.stdout)
"""
_LACKS, _WRONG = 3, 4


def run(script: str, value: Json, limit_s: float = LIMIT_S) -> list[Json]:
    """All that the script gives for the value.

    Raises UsageError for a script that is wrong, or fails; TimedOut; UsageError where there is no jq.
    """
    if script.strip() in ("", "."):
        return [value]
    from subprocess import TimeoutExpired
    from subprocess import run as start

    argv = [sys.executable, "-I", "-c", _PROGRAM, str(int(limit_s) + 1)]
    try:
        done = start(
            argv, input=json.dumps([script, value]).encode(), capture_output=True, timeout=limit_s, check=False
        )
    except TimeoutExpired:
        raise TimedOut(f"the jq script {script!r:.120} did not end within {limit_s:g} s.", _SIMPLER) from None
    if done.returncode == _LACKS:
        raise UsageError("this workflow has jq scripts, and jq is not installed.", "pip install 'motet[yadage]'")
    if done.returncode == _WRONG:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise UsageError(f"the jq script {script!r:.120} fails: {said}.", "Try it alone: jq SCRIPT FILE.")
    if done.returncode:
        raise MotetError(f"the jq script {script!r:.120} ended its process with {done.returncode}.", _SIMPLER)
    return list(json.loads(done.stdout))


_SIMPLER = "Simplify it, or give it less to look at."


# ---------------------------------------------------------------- JSONPath


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
