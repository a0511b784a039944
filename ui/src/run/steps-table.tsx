// The Table of steps: the same rows as the Timeline's, as text; also what stands for the canvas views.
import { useEffect, useMemo } from "preact/hooks";
import { STATUSES, statusWords } from "../core/status";
import { count, duration, NONE, time } from "../core/words";
import { Mark, Proportions } from "../parts/marks";
import { Table, type Column } from "../parts/table";
import { useKeys } from "../shell/keys";
import type { RunModel } from "./model";
import { countsOf, meaning, rowsOf, type Row } from "./rows";
import * as state from "./state";

export function TableView({ model }: { model: RunModel }) {
  const picture = model.picture.value, kept = model.kept.value;
  const until = state.moment.value ?? model.until.value;
  const of = { ...picture, until };
  const opened = state.open.value, shut = state.closed.value;
  const calm = model.calm.value;
  const rows = useMemo(() => rowsOf(calm, kept, state.isOpen), [calm, kept, opened, shut]);
  const selected = state.selection.value;
  const at = useMemo(() => rows.findIndex((row) => row.key === selected), [rows, selected]);
  useEffect(() => { for (const row of rows) if (row.opened && picture.maps.has(row.at)) model.timesOf(row.key); }, [rows]);

  const isGroup = (row: Row) => row.kind === "group" || row.kind === "flow";
  const select = (index: number) => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, index))];
    if (row) state.selection.value = row.key;
  };
  const toggle = (row: Row | undefined) => { if (row && isGroup(row)) state.toggle(row.key, row.opens); };
  useKeys("Table", [
    { keys: "ArrowDown, j", words: "next row", act: () => select(at + 1) },
    { keys: "ArrowUp, k", words: "row before", act: () => select(at - 1) },
    { keys: "o", words: "open or close the group", act: () => toggle(rows[at]) },
  ]);

  const span = (row: Row) => {
    const end = of.ended[row.at]!;
    return (Number.isNaN(end) ? until : end) - (of.spans.get(row.at)?.at(-1)?.began ?? of.began[row.at]!);
  };
  const at_ = (seconds: number) => (Number.isNaN(seconds) ? NONE : time(of.run.created_at + seconds));
  const columns: Column<Row>[] = [
    { key: "step", head: "step", width: "minmax(200px, 1.4fr)", cell: (row) => (
      <span class="row" style={{ paddingLeft: `${row.depth * 16}px` }}>
        {isGroup(row) ? (
          <button type="button" class="twist" aria-expanded={row.opened} aria-label={row.label} onClick={(event) => { event.stopPropagation(); toggle(row); }}>
            {row.opened ? "⌄" : "›"}
          </button>
        ) : <Mark status={STATUSES[of.status[row.at] ?? 0]!} quiet />}
        <span class={`cut${row.kind === "group" ? " b" : ""}`} title={row.key}>{row.label}</span>
      </span>
    ) },
    { key: "status", head: "status", width: "minmax(120px, 170px)", cell: (row) => {
      if (row.kind === "group" || (row.kind === "flow" && !row.opened)) return <Proportions counts={countsOf(of, row)} />;
      const status = STATUSES[of.status[row.at] ?? 0]!;
      return <span class={`t-${status}`}>{statusWords(status)}</span>;
    } },
    { key: "started", head: "began", width: "110px", cell: (row) => at_(of.began[row.at]!) },
    { key: "took", head: "took", width: "110px", cell: (row) => duration(span(row)) },
    { key: "tries", head: "attempts", width: "80px", right: true, cell: (row) => (row.kind === "group" ? count(row.members.length) : of.attempts[row.at] || NONE) },
    { key: "says", head: "what it says", width: "minmax(160px, 2fr)", cell: (row) => {
      const why = of.cause.get(row.at) ?? (isGroup(row) || of.status[row.at] === 5 ? "" : meaning(of, row.at));
      return <span class="i2" title={why}>{why}</span>;
    } },
  ];
  return (
    <Table
      label={`Steps of ${of.run.name}`} columns={columns} count={rows.length} row={(index) => rows[index]} height={26}
      keyOf={(row) => row.key + row.kind} at={at} onAt={select} onOpen={toggle} empty={<p class="note">{model.kept.value ? "No step matches." : "The run has begun and has no steps yet."}</p>}
    />
  );
}
