"""What every artifact store must do: checks to run against one's own, as in `store_suite`.

Each check takes a new, empty artifact store.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator

from motet.errors import NotFound
from motet.ports import ArtifactStore, Stored
from motet.testing.checking import checks_of, refused

_LATER = 3600.0


def check_content_comes_back(store: ArtifactStore) -> None:
    """Whatever its size and however it was cut into parts, as memory and as a file."""
    for size in (0, 1, 4096, 65_535, 65_536, 3_000_001):
        content = os.urandom(size)
        cut = size // 3
        views = [memoryview(content)[:cut], memoryview(content)[cut:]]
        stored = store.put([content])
        assert stored.size_bytes == size
        assert store.put(views) == stored
        assert store.put([b"", *views, b""]) == stored
        assert bytes(store.get(stored.digest)) == content
        with open(store.path(stored.digest), "rb") as file:
            assert file.read() == content
    assert store.put([]) == store.put([b""]) == Stored(store.put([b""]).digest, 0)


def check_parts_of_other_shapes(store: ArtifactStore) -> None:
    """A view of numbers, of several dimensions or of none, counts by its bytes."""
    numbers = memoryview(bytes(range(48))).cast("i", (3, 4))
    stored = store.put([numbers])
    assert stored == store.put([bytes(range(48))])
    assert stored.size_bytes == 48
    assert bytes(store.get(stored.digest)) == bytes(range(48))


def check_digests_differ_with_the_content(store: ArtifactStore) -> None:
    """The digest is a function of the whole content, and lower-case hexadecimal."""
    digests = {store.put([content]).digest for content in (b"", b"a", b"b", b"ab", b"ba", b"a" * 100_000)}
    assert len(digests) == 6
    assert all(set(digest) <= set("0123456789abcdef") for digest in digests)


def check_what_is_given_cannot_be_changed(store: ArtifactStore) -> None:
    """Views are read-only, and what `put` was given may be changed afterwards."""
    for size in (10, 200_000):
        given = bytearray(b"x" * size)
        digest = store.put([memoryview(given)]).digest
        given[:] = b"y" * size
        view = store.get(digest)
        assert view.readonly
        assert bytes(view) == b"x" * size


def check_unknown_digests(store: ArtifactStore) -> None:
    """What is not there is not found; what is no digest is refused, so that no path can be smuggled in."""
    digest = store.put([b"something"]).digest
    other = digest[::-1]
    with refused(NotFound, other):
        store.get(other)
    with refused(NotFound, other):
        store.path(other)
    short, upper = digest[:-1], digest.upper()
    for wrong in (
        "",
        "..",
        short,
        digest + "0",
        upper,
        "../" + digest[3:],
        digest[:2] + "/" + digest[3:],
        "g" * 64,
    ):
        with refused(ValueError):
            store.get(wrong)
        with refused(ValueError):
            store.path(wrong)


def check_sweeping(store: ArtifactStore) -> None:
    """What is neither used nor young goes; a dry run only tells; a mapped view outlives its removal."""
    used, unused = store.put([b"used"]), store.put([b"unused" * 50_000])
    view = store.get(unused.digest)
    in_an_hour = time.time() + _LATER
    would = store.sweep(lambda digest: digest == used.digest, in_an_hour, dry_run=True)
    assert (would.artifacts, would.freed_bytes, would.runs) == (1, unused.size_bytes, 0)
    assert bytes(store.get(unused.digest)) == b"unused" * 50_000
    assert store.sweep(lambda digest: False, time.time() - _LATER).artifacts == 0
    done = store.sweep(lambda digest: digest == used.digest, in_an_hour)
    assert (done.artifacts, done.freed_bytes) == (1, unused.size_bytes)
    assert bytes(view) == b"unused" * 50_000
    with refused(NotFound):
        store.get(unused.digest)
    assert bytes(store.get(used.digest)) == b"used"
    assert store.put([b"unused" * 50_000]) == unused
    assert bytes(store.get(unused.digest)) == b"unused" * 50_000


def check_putting_again_makes_young(store: ArtifactStore) -> None:
    """What is put again while a sweep goes on is not removed by it."""
    first = store.put([b"again" * 20_000])
    time.sleep(0.05)
    between = time.time()
    time.sleep(0.05)
    assert store.put([b"again" * 20_000]) == first
    assert store.sweep(lambda digest: False, between).artifacts == 0
    assert bytes(store.get(first.digest)) == b"again" * 20_000
    time.sleep(0.05)

    def put_while_asked(digest: str) -> bool:
        assert store.put([b"again" * 20_000]) == first
        return False

    now = time.time()
    time.sleep(0.05)
    assert store.sweep(put_while_asked, now).artifacts == 0
    assert bytes(store.get(first.digest)) == b"again" * 20_000


def check_streams(store: ArtifactStore) -> None:
    """What comes piece by piece is kept as if it had come at once; of what breaks off, nothing is."""
    pieces: list[bytes | memoryview] = [os.urandom(1000), b"", memoryview(os.urandom(200_000)), b"end"]
    whole = b"".join(pieces)
    streamed = store.put_stream(iter(pieces))
    assert streamed == store.put([whole])
    assert streamed.size_bytes == len(whole)
    assert bytes(store.get(streamed.digest)) == whole
    assert bytes(store.get(store.put_stream(()).digest)) == b""

    def breaking() -> Iterator[bytes]:
        yield b"begun"
        raise ValueError("breaks off")

    with refused(ValueError):
        store.put_stream(breaking())
    assert bytes(store.get(streamed.digest)) == whole


def check_removing_one(store: ArtifactStore) -> None:
    """What is removed by name is gone at once, however young; what is gone may be removed again, or put."""
    first, other = store.put([b"first" * 20_000]), store.put([b"other"])
    assert bytes(store.get(first.digest)) == b"first" * 20_000
    store.remove(first.digest)
    store.remove(first.digest)
    with refused(NotFound):
        store.get(first.digest)
    assert bytes(store.get(other.digest)) == b"other"
    assert store.put([b"first" * 20_000]) == first
    assert bytes(store.get(first.digest)) == b"first" * 20_000


def check_many_at_once(store: ArtifactStore) -> None:
    """Threads that put, get and sweep the same contents always find what they have just put."""
    contents = [os.urandom(1000) * (1 + 100 * (i % 2)) for i in range(4)]
    wrong: list[str] = []
    going_on = threading.Event()
    going_on.set()

    def put_and_get() -> None:
        for i in range(60):
            content = contents[i % len(contents)]
            stored = store.put([content])
            if bytes(store.get(stored.digest)) != content:
                wrong.append(stored.digest)

    def sweep() -> None:
        while going_on.is_set():
            store.sweep(lambda digest: False, time.time() - 2.0)

    sweeping = threading.Thread(target=sweep, daemon=True)
    putting = [threading.Thread(target=put_and_get, daemon=True) for _ in range(4)]
    for thread in [sweeping, *putting]:
        thread.start()
    for thread in putting:
        thread.join(120.0)
    going_on.clear()
    sweeping.join(120.0)
    assert not wrong
    assert not any(thread.is_alive() for thread in [sweeping, *putting])


CHECKS: list[Callable[[ArtifactStore], None]] = checks_of(__name__)
"""What every artifact store must pass."""
