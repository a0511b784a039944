"""Values to bytes and back: nothing large is copied, and what cannot be pickled is explained."""

from __future__ import annotations

import io
import mmap
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motet.values import pickle, unpicklable

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)


class Closed:
    """Holds what cannot be pickled."""

    def __init__(self) -> None:
        self.handle = threading.Lock()


def joined(value: Any, **options: Any) -> bytes:
    parts = pickle.dumps(value, **options)
    content = b"".join(parts)
    assert pickle.size_bytes(parts) == len(content)
    return content


@given(PLAIN)
def test_what_comes_back_is_equal_and_of_the_same_type(value: Any) -> None:
    again = pickle.loads(joined(value))
    assert again == value
    assert type(again) is type(value)


def test_a_small_value_is_a_bare_pickle() -> None:
    assert joined([1, 2, 3])[:2] == b"\x80\x05"


@given(st.lists(st.integers(0, 20_000), max_size=6))
def test_buffers_of_any_number_and_size_come_back(sizes: list[int]) -> None:
    import pickle as standard

    values = [bytearray(index % 251 for index in range(size)) for size in sizes]
    content = joined([standard.PickleBuffer(value) for value in values])
    for data in (content, bytearray(content), memoryview(content)):
        assert [bytes(each) for each in pickle.loads(data)] == [bytes(value) for value in values]


def test_arrays_are_not_copied_and_come_back_writable(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(1_000_000, dtype="f8").reshape(1000, 1000)
    value = {"array": array, "again": array, "transposed": array.T, "part": array[::2, ::3], "few": array[0, :3]}
    views = [part for part in pickle.dumps(array) if isinstance(part, memoryview)]
    assert [numpy.shares_memory(numpy.frombuffer(view), array) for view in views] == [True]
    content = joined(value)
    path = tmp_path / "value"
    path.write_bytes(content)
    with path.open("rb") as file:
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    for data in (content, bytearray(content), mapped):
        again = pickle.loads(data)
        for name, original in value.items():
            assert numpy.array_equal(again[name], original)
            assert again[name].flags.writeable
        assert again["array"] is again["again"]
        assert again["array"].ctypes.data % 16 == 0
        again["array"][0, 0] = -1.0
    assert array[0, 0] == 0.0
    assert path.read_bytes() == content


def test_from_writable_memory_nothing_is_copied() -> None:
    numpy = pytest.importorskip("numpy")
    data = bytearray(joined(numpy.zeros(100_000)))
    assert numpy.shares_memory(pickle.loads(data), numpy.frombuffer(data, dtype="u1"))


def test_read_only_arrays_stay_read_only_and_are_not_copied() -> None:
    numpy = pytest.importorskip("numpy")
    array = numpy.zeros(100_000)
    array.flags.writeable = False
    content = joined(array)
    again = pickle.loads(content)
    assert not again.flags.writeable
    assert numpy.shares_memory(again, numpy.frombuffer(content, dtype="u1"))


def test_what_pickle_cannot_do_is_tried_with_cloudpickle() -> None:
    offset = 10
    assert pickle.loads(joined(lambda number: number + offset))(5) == 15


def test_a_module_can_be_made_to_travel_by_value(monkeypatch: pytest.MonkeyPatch) -> None:
    import types

    module = types.ModuleType("made_here")
    exec("BASE = 5\ndef plus(number):\n    return number + BASE", module.__dict__)
    monkeypatch.setitem(sys.modules, "made_here", module)
    content = joined(module.plus, by_value="made_here")
    monkeypatch.delitem(sys.modules, "made_here")
    assert pickle.loads(content)(1) == 6


def test_portable_values_of_a_script_load_in_another(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(
        "import sys\nfrom dataclasses import dataclass\nfrom motet.values import pickle\n"
        "@dataclass\nclass Point:\n    x: int\n"
        "sys.stdout.buffer.write(b''.join(pickle.dumps(Point(3), portable=True)))"
    )
    (tmp_path / "two.py").write_text(
        "import sys\nfrom motet.values import pickle\n"
        "point = pickle.loads(sys.stdin.buffer.read())\npickle.adopt_main()\n"
        "content = b''.join(pickle.dumps(point))\nassert b'cloudpickle' not in content\n"
        "print(point.x, pickle.loads(content).x)"
    )
    one = subprocess.run([sys.executable, str(tmp_path / "one.py")], capture_output=True, check=True)
    two = subprocess.run([sys.executable, str(tmp_path / "two.py")], input=one.stdout, capture_output=True, check=True)
    assert two.stdout == b"3 3\n"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (threading.Lock(), "_thread.lock cannot be pickled (TypeError"),
        (Closed(), "Closed cannot be pickled: value.handle is of type _thread.lock"),
        ({"a": [1, {"b": (2, Closed())}]}, "value['a'][1]['b'][1].handle is of type _thread.lock"),
        ([*range(5000), io.StringIO(), open], "list cannot be pickled"),
        ((each for each in "abc"), "generator cannot be pickled"),
    ],
)
def test_the_reason_names_the_type_and_the_member_at_fault(value: Any, told: str) -> None:
    class Unpicklable:
        def __reduce__(self) -> Any:
            raise TypeError("cannot pickle")

    if isinstance(value, list):
        value[-1] = Unpicklable()
    with pytest.raises(Exception) as caught:
        pickle.dumps(value)
    reason = unpicklable.reason(value, caught.value)
    assert told in reason
    assert "\n" not in reason


def test_the_reason_finds_what_a_function_closes_over() -> None:
    lock = threading.Lock()

    def function() -> object:
        return lock

    with pytest.raises(TypeError) as caught:
        pickle.dumps(function)
    assert "lock (closed over) is of type _thread.lock" in unpicklable.reason(function, caught.value)


def test_a_reason_is_found_for_values_that_refer_to_themselves() -> None:
    value: dict[str, Any] = {"lock": threading.Lock()}
    value = {"self": value, **value}
    value["self"] = value
    with pytest.raises(TypeError) as caught:
        pickle.dumps(value)
    assert "cannot be pickled" in unpicklable.reason(value, caught.value)


def test_a_buffer_is_kept_once_whatever_it_stands_in() -> None:
    numpy = pytest.importorskip("numpy")
    array = numpy.zeros(100_000)
    for value in (array, [array], ["–", array], {"a": 1, "b": [array]}, [1, {"deep": (array, array)}]):
        for parts in (pickle.dumps(value), pickle.kept(value)[0]):
            assert pickle.size_bytes(parts) < 801_000
