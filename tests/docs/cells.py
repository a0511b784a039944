"""Runs Python that is pasted block by block, as a notebook does: one namespace, `await` at the top, one answer each.

A line on stdin is a block as JSON; the answer is a line with what it printed and, if it raised, its traceback.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import json
import linecache
import sys
import traceback
from typing import Any


def run(text: str, name: str, scope: dict[str, Any]) -> None:
    """Run the block in the namespace. What it defines has a source, as it has in IPython."""
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    code = compile(text, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if code.co_flags & inspect.CO_COROUTINE:
        asyncio.run(eval(code, scope))
    else:
        exec(code, scope)


def main() -> None:
    scope = sys.modules["__main__"].__dict__
    del scope["__file__"]  # a notebook has none
    answers, sys.stdout = sys.stdout, sys.stderr
    for number, line in enumerate(sys.stdin, 1):
        printed, failed = io.StringIO(), ""
        try:
            with contextlib.redirect_stdout(printed):
                run(json.loads(line), f"<cell {number}>", scope)
        except BaseException:  # noqa: BLE001  # boundary: a page may end its session in any way
            failed = traceback.format_exc()
        print(json.dumps([printed.getvalue(), failed]), file=answers, flush=True)


if __name__ == "__main__":
    main()
