"""Pages of a store with 50,000 runs read by index: their query plans are asserted, not their times."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from benchmarks.many_runs import BEGAN_AT, fill
from benchmarks.pages import filters

from motet.ports import Batch, Entry, EventFilter, NewRun, Owner, Publication, RunFilter, StepFilter, StepRow
from motet.stores.plain import PlainDirectory, chooses_run, chooses_step
from motet.stores.sqlite import SqliteStore, events, pages, windows

COUNT = 50_000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    home = str(tmp_path_factory.mktemp("many"))
    fill(home, COUNT)
    store = SqliteStore(home)
    yield store
    store.close()


def plans(store: SqliteStore, act: Any, *args: Any, of: str = "") -> list[str]:
    """How SQLite carries out the queries of the act, or those that have the text in them."""
    found: list[str] = []

    def spied(execute: Any) -> None:
        def spy(sql: str, values: Any = ()) -> Any:
            if of in sql:
                found.extend(row[3] for row in execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall())
            return execute(sql, values)

        act(spy, *args)

    store._database.snapshot(spied)
    return found


def whole_tables(found: list[str]) -> list[str]:
    """The steps of a plan that read all rows of a big table."""
    big = ("runs", "records", "steps", "terms", "uses")
    return [each for each in found if each.startswith("SCAN") and each.split()[1] in big and "INDEX" not in each]


@pytest.mark.parametrize("name", filters(COUNT))
def test_a_filter_reads_no_table_whole(store: SqliteStore, name: str) -> None:
    where = filters(COUNT)[name]
    found = plans(store, pages.page, where, None, 50)
    assert found
    assert whole_tables(found) == []
    walked = plans(store, pages.page, where, None, 50, of=str(pages.WALK))
    assert not any("TEMP B-TREE" in each for each in walked), "what is walked through comes in order"


@pytest.mark.parametrize("name", filters(COUNT))
def test_a_filter_chooses_what_it_says(store: SqliteStore, name: str) -> None:
    """The first pages are the newest of all runs that fulfil it."""
    where = filters(COUNT)[name]
    found: list[str] = []
    start = None
    while len(found) < 120:
        page = store.run_page(where, start=start, limit=50)
        found += [run.id for run in page.runs]
        if (start := page.next) is None:
            break
    assert found == chosen(store, where)[: len(found)]
    assert len(found) >= min(120, len(chosen(store, where)))


KEPT: dict[str, Any] = {}


def chosen(store: SqliteStore, where: RunFilter) -> list[str]:
    """The ids of the runs that the plain filter chooses."""
    from motet.stores.plain import Kept

    if not KEPT:
        for row in store.runs(limit=-1):
            metrics = {"loss": int(row.id, 16) % 1000 / 1000} if int(row.id, 16) % 10 == 0 else {}
            KEPT[row.id] = Kept(row, metrics=metrics)
    return [run for run, kept in KEPT.items() if chooses_run(where, kept)]


def test_figures_read_no_runs(store: SqliteStore) -> None:
    assert whole_tables(plans(store, pages.counts)) == []
    assert whole_tables(plans(store, pages.density, BEGAN_AT, BEGAN_AT + 30.0 * COUNT, 100)) == []
    assert whole_tables(plans(store, pages.density, BEGAN_AT, BEGAN_AT + 600.0, 100)) == []
    plain = PlainDirectory()
    chosen(store, RunFilter())
    plain._runs = KEPT
    assert dict(store.run_counts()) == dict(plain.run_counts())
    for span_s in (30.0 * COUNT, 86400.0, 600.0):
        got = store.density(BEGAN_AT, BEGAN_AT + span_s, 100)
        wanted = plain.density(BEGAN_AT, BEGAN_AT + span_s, 100)
        assert sum(cell.count for cell in got) == sum(cell.count for cell in wanted)
        assert [(cell.at, cell.status) for cell in got] == [(cell.at, cell.status) for cell in wanted]


WINDOWS = {
    "all": StepFilter(),
    "parent": StepFilter(parent="p1"),
    "task": StepFilter(task="t1"),
    "status": StepFilter(status="running"),
    "text": StepFilter(text="NAM"),
    "no such text": StepFilter(text="zzz"),
    "task, status": StepFilter(task="t1", status="running"),
    "task, text": StepFilter(task="t1", text="NAM"),
    "all together": StepFilter("p1", "t1", "running", "s2"),
    "nothing in common": StepFilter("p1", "t1", "failed"),
}


@pytest.fixture(scope="module")
def live(store: SqliteStore) -> list[StepRow]:
    """The steps of the run `live`, which are folded."""
    store.create_run(NewRun("live", "live", "w", {}))
    store.claim("live", Owner("h", "b", 1, 1), 1e9)
    names = ["named" if i % 5 == 0 else "" for i in range(3000)]
    rows = [StepRow(f"s{i}", f"t{i % 7}", "call", "running", f"p{i % 9}", name) for i, name in enumerate(names)]
    events = [{"event": kind, "at": 1.0, "key": row.key} for kind in ("step.added", "step.started") for row in rows]
    store.append("live", 1, 0, Batch(events, rows))
    while store.step_page("live", StepFilter()).behind:
        time.sleep(0.01)
    return rows


@pytest.mark.parametrize("name", WINDOWS)
def test_a_window_of_steps_is_read_in_order_by_an_index(store: SqliteStore, live: list[StepRow], name: str) -> None:
    where = WINDOWS[name]
    found = plans(store, windows.page, "live", where, None, 50)
    assert whole_tables(found) == []
    assert not any("TEMP B-TREE" in each for each in found)
    keys: list[str] = []
    start = None
    while True:
        page = store.step_page("live", where, start=start, limit=100)
        keys += [step.key for step in page.steps]
        if (start := page.next) is None:
            break
    assert keys == [row.key for row in live if chooses_step(where, row)]


def test_attempts_are_read_from_the_records_that_tell_of_them(store: SqliteStore, live: list[StepRow]) -> None:
    assert whole_tables(plans(store, windows.summary, "live")) == []
    assert whole_tables(plans(store, windows.attempts, "live", "s1")) == []
    (count,) = store._database.read(
        lambda execute: execute(
            "SELECT count(*) FROM changes WHERE step = (SELECT number FROM steps WHERE key = 's1')"
        ).fetchone()
    )
    assert count == 2, "its addition and its start stand in two records of the one commit"
    assert [(it.ready_at, it.started_at) for it in store.attempts("live", "s1")] == [(1.0, 1.0)]


def test_elements_of_a_map_note_no_change_of_the_step(store: SqliteStore) -> None:
    """However many records tell of them: the list of those with attempts stays short."""
    store.create_run(NewRun("mapped", "mapped", "w", {}))
    store.claim("mapped", Owner("h", "b", 1, 1), 1e9)
    for seq in range(300):
        row = StepRow("m", "t", "map", "succeeded" if seq == 299 else "running", size=300, done=seq)
        kind = "step.started" if seq == 0 else "step.succeeded"
        event = {"event": kind, "at": float(seq), "key": "m"}
        store.append("mapped", 1, seq, Batch([event if seq in (0, 299) else {**event, "element": seq}], [row]))
    while store.step_page("mapped", StepFilter()).behind:
        time.sleep(0.01)
    (count,) = store._database.read(
        lambda execute: execute(
            "SELECT count(*) FROM changes WHERE step = (SELECT number FROM steps WHERE key = 'm')"
        ).fetchone()
    )
    assert count == 2
    assert [(it.started_at, it.ended_at) for it in store.attempts("mapped", "m")] == [(0.0, 299.0)]


def test_a_moment_is_found_without_reading_all_events(store: SqliteStore, live: list[StepRow]) -> None:
    assert whole_tables(plans(store, events.offset_at, 1.0)) == []


@pytest.mark.parametrize("where", [{"key": "k3"}, {"sender": "s77"}, {"namespace": "n1", "key": "k0"}], ids=str)
def test_published_events_are_found_in_the_stretches_that_have_them(store: SqliteStore, where: dict[str, str]) -> None:
    if not store.read(0, where=EventFilter(key="k0")):
        for first in range(0, 6000, 150):
            numbers = range(first, first + 150)
            store.publish([Publication(f"k{n % 5}", n, f"n{n % 2}", f"s{n // 40}", at=float(n)) for n in numbers])
    found = plans(store, events.read, 0, 50, None, False, EventFilter(**where))
    assert whole_tables(found) == []
    assert not any("TEMP B-TREE FOR ORDER BY" in each for each in found)
    entries: list[Entry] = []
    while page := store.read(entries[-1].offset if entries else 0, limit=50, where=EventFilter(**where)):
        entries += page
    told = {"key": lambda n: f"k{n % 5}", "namespace": lambda n: f"n{n % 2}", "sender": lambda n: f"s{n // 40}"}
    expected = [n for n in range(6000) if all(told[name](n) == value for name, value in where.items())]
    assert [entry.value for entry in entries] == expected


def test_following_a_big_commit_decodes_little_for_each_page(store: SqliteStore) -> None:
    """However much one commit added, a reader of some of its events reads records that are about as small."""
    store.create_run(NewRun("big", "big", "w", {}))
    store.claim("big", Owner("h", "b", 1, 1), 1e9)
    after = store.head()
    store.append("big", 1, 0, Batch([{"event": "e", "at": 1.0, "n": n} for n in range(20_000)]))
    largest = store._database.read(
        lambda execute: execute("SELECT max(count) FROM records WHERE last_offset > ?", (after,)).fetchone()[0]
    )
    assert largest <= 256
    seen: list[int] = []
    while entries := store.read(after, limit=300):
        seen += [entry.value["n"] for entry in entries]
        after = entries[-1].offset
    assert seen == list(range(20_000))
    assert [event["n"] for event in store.history("big", 19_990)] == list(range(19_990, 20_000))
