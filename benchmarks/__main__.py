"""`python -m benchmarks [NAME...] [--quick] [--json]`: measures the rows of the performance budget.

`python -m benchmarks peers` measures Motet beside other systems: see `benchmarks.peers.table`.

Ends with 1 if a measurement broke. A missed budget is no failure: figures depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

from benchmarks import machine, report
from benchmarks.bench import Bench
from benchmarks.figures import Absent, Measured, Row
from benchmarks.peers import table as peers
from benchmarks.rows.all import ROWS


def main() -> int:
    """Measure what is asked for, and print it."""
    if sys.argv[1:2] == ["peers"]:
        return peers.main(sys.argv[2:])
    options = _options()
    chosen = [row for row in ROWS if not options.names or row.name in options.names]
    bench = Bench(options.folder, quick=options.quick)
    about = machine.described(bench.folder)
    if not options.json:
        print(report.header(about, quick=options.quick), flush=True)
    found = []
    try:
        for row in chosen:
            found.append(_measured(row, bench))
            if not options.json:
                print(report.lines(found[-1]), flush=True)
    finally:
        bench.close()
    if options.json:
        print(json.dumps({"machine": about, "quick": options.quick, "rows": [_json(each) for each in found]}))
    return 1 if any(each.error for each in found) else 0


def _options() -> argparse.Namespace:
    names = [row.name for row in ROWS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure Motet beside its floors.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(names)} (all)")
    parser.add_argument("--quick", action="store_true", help="only see that everything runs; the figures mean nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object with all samples")
    parser.add_argument("--folder", default=".", help="where homes are made (the disk matters; default: here)")
    options = parser.parse_args()
    for name in options.names:
        if name not in names:
            parser.error(f"there is no row {name!r}; there are {', '.join(names)}")
    return options


def _measured(row: Row, bench: Bench) -> Measured:
    measured = Measured(row)
    began = time.perf_counter()
    if row.measure is None:
        measured.absent = row.missing
        return measured
    try:
        measured.figures = row.measure(bench)
    except Absent as absent:
        measured.absent = str(absent)
    except Exception as error:  # noqa: BLE001 - boundary: one broken measurement does not stop the others
        measured.error = f"{type(error).__name__}: {error}"
    measured.took_s = time.perf_counter() - began
    return measured


def _json(measured: Measured) -> dict[str, object]:
    row = measured.row
    return {
        "name": row.name, "what": row.what, "floor": row.floor, "absent": measured.absent, "error": measured.error,
        "took_s": measured.took_s, "figures": [each.to_json() for each in measured.figures],
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
