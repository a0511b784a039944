"""Scripts of jq, each in a process of its own: one that does not end is ended, and takes nobody along."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

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
