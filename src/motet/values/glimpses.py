"""What is in arrays, tables and images, in few bytes of JSON beside their records (see `values.records`), made
where they are, for whoever looks at a step without loading them:

    {"type": "array", "dtype": "float32", "shape": [n, ...], "size_bytes": n, **NUMBERS, "sampled": bool}
    {"type": "image", "thumbnail": {"artifact": digest of a PNG, ...}}
    {"type": "table", "columns": [...], "kinds": [...], "rows": [[...], ...], "n_rows": n, "n_columns": n,
     "about": [NUMBERS or {"empty": n} for each column], "sampled": bool}

NUMBERS are {"empty": n, "low": x, "high": x, "mean": x, "deviation": x, "bars": [20 counts from low to high]}; all but
"empty" only where there are finite ones. Of more than SAMPLE values some are looked at, evenly spread: "sampled".
"""

from __future__ import annotations

import json
import sys
from math import ceil

from motet.typed import TYPE_CHECKING, Any
from motet.values import previews

if TYPE_CHECKING:  # what a worker process imports is kept small
    from motet.kernel.events import Json
    from motet.ports import ArtifactStore

SAMPLE = 100_000
BARS = 20
ROWS = 20
MOST_CHARS = 4096


def beside(value: Any, artifacts: ArtifactStore | None) -> Json:
    """The preview as it stands in a record, in at most about MOST_CHARS; None for none."""
    found = preview(value)
    if found is None and artifacts is not None and (small := _small(value)):
        stored = artifacts.put([small])
        return {"type": "image", "thumbnail": {"artifact": stored.digest, "size_bytes": stored.size_bytes}}
    if found is not None and found["type"] == "table":
        while found["rows"] and len(json.dumps(found)) > MOST_CHARS:
            found["rows"] = found["rows"][: len(found["rows"]) // 2]
    return found


def _small(value: Any) -> bytes:
    """A figure or an image as a small PNG; nothing for anything else."""
    try:
        return previews.thumbnail(value)
    except Exception:  # noqa: BLE001 - boundary: the value's own code
        return b""


def preview(value: Any) -> Json:
    """What is in an array or a table of any of the usual libraries; None for anything else."""
    try:
        if getattr(value, "column_names", None) or hasattr(value, "columns"):
            return _table(value)
        shape = getattr(value, "shape", None)
        if isinstance(shape, tuple) and shape and "numpy" in sys.modules:
            return _array(value)
    except Exception:  # noqa: BLE001 - boundary: the value's own code
        pass
    return None


def _array(value: Any) -> Json:
    if getattr(getattr(value, "device", None), "type", "cpu") != "cpu":  # a copy from there would take long
        return None
    array = sys.modules["numpy"].asarray(value.detach() if hasattr(value, "detach") else value)
    about, sampled = _numbers(_flat(array))
    size = {"shape": list(array.shape), "size_bytes": int(array.nbytes)}
    return {"type": "array", "dtype": str(value.dtype), **size, **about, "sampled": sampled or array.size > SAMPLE}


def _flat(array: Any) -> Any:
    """The array in a row, without a copy of a large one: of one that does not stand in a row, some along each axis."""
    if array.flags.c_contiguous or array.size <= SAMPLE:
        return array.reshape(-1)
    if array.flags.f_contiguous:
        return array.reshape(-1, order="A")
    step = ceil((array.size / SAMPLE) ** (1 / array.ndim))
    return array[(slice(None, None, step),) * array.ndim].reshape(-1)


def _table(value: Any) -> Json:
    n_rows, n_columns = value.shape
    names = list(getattr(value, "column_names", None) or value.columns)[: previews.SHOWN_COLUMNS]
    head = value.slice(0, ROWS) if hasattr(value, "column_names") else value.head(ROWS)
    columns, rows = previews.table_of(head)
    shown = {**previews.table(columns, rows, ROWS), "n_rows": int(n_rows), "n_columns": int(n_columns)}
    told = [_column(value[name]) for name in names]
    about = {"kinds": [kind for kind, _, _ in told], "about": [numbers for _, numbers, _ in told]}
    return {"type": "table", **shown, **about, "sampled": any(sampled for _, _, sampled in told)}


def _column(column: Any) -> tuple[str, Json, bool]:
    kind = str(getattr(column, "dtype", None) or getattr(column, "type", ""))
    step = max(1, ceil(len(column) / SAMPLE))
    some = column[::step] if hasattr(column, "dtype") else column.slice(0, SAMPLE)
    array = some.to_numpy()
    if array.dtype.kind not in "iufb":
        return kind, {"empty": sum(each is None or each != each for each in array.tolist())}, step > 1
    return kind, _numbers(array)[0], step > 1


def _numbers(flat: Any) -> tuple[dict[str, Json], bool]:
    """What is said of numbers that stand in a row; and whether only some were looked at."""
    step = max(1, ceil(len(flat) / SAMPLE))
    some = flat[::step]
    if some.dtype.kind not in "iufb":
        return {}, False
    numpy = sys.modules["numpy"]
    some = some.astype("float64")
    known = some[numpy.isfinite(some)]
    told: dict[str, Json] = {"empty": int(numpy.isnan(some).sum())}
    if len(known):
        low, high = float(known.min()), float(known.max())
        told |= {"low": low, "high": high, "mean": float(known.mean()), "deviation": float(known.std())}
        told["bars"] = numpy.histogram(known, BARS, (low, high) if high > low else (low - 0.5, high + 0.5))[0].tolist()
    return told, step > 1
