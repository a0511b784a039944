// The Grid: steps as rows, the last runs of the workflow as columns, which arrive one by one from the left.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { at, get } from "../core/api";
import { duration, time } from "../core/words";
import { Mark } from "../parts/marks";
import { Failed } from "../parts/state";
import { ApiError } from "../core/api";
import type { RunModel } from "./model";
import * as state from "./state";

interface GridColumn {
  run: string;
  name: string;
  status: string;
  created_at: number;
  took_s: number | null;
  cells: Record<string, [string, number | null, Record<string, number>?]>;
}
interface GridPage {
  by: "step" | "task";
  rows: string[];
  columns: GridColumn[];
  next: string | null;
}

const MOST = 50, AT_ONCE = 10;

export function GridView({ model }: { model: RunModel }) {
  const page = useSignal<Omit<GridPage, "next">>({ by: "step", rows: [], columns: [] });
  const failed = useSignal<ApiError | null>(null);
  const run = model.run.value;
  useEffect(() => {
    if (!run) return;
    const stopped = new AbortController();
    const load = async () => {
      let cursor: string | undefined, columns: GridColumn[] = [];
      do {
        const found: GridPage = await get<GridPage>(at`/runs/${run.id}/grid`, { cursor, limit: AT_ONCE }, stopped.signal);
        columns = [...columns, ...found.columns].slice(0, MOST);
        page.value = { by: found.by, rows: found.rows, columns };
        cursor = found.next ?? undefined;
      } while (cursor && columns.length < MOST);
    };
    load().catch((error: unknown) => { if (!stopped.signal.aborted) failed.value = error as ApiError; });
    return () => stopped.abort();
  }, [run?.id, run?.status]);

  const { rows, columns, by } = page.value;
  if (failed.value) return <Failed what="The runs could not be read." error={failed.value} />;
  const others = [...new Set(columns.flatMap((each) => Object.keys(each.cells)))].filter((each) => !rows.includes(each));
  const medians = new Map([...rows, ...others].map((row) => {
    const took = columns.map((each) => each.cells[row]?.[1]).filter((each): each is number => typeof each === "number").sort((a, b) => a - b);
    return [row, took[took.length >> 1] ?? 0];
  }));
  const shade = (row: string, took: number | null | undefined) => {
    const median = medians.get(row) ?? 0;
    return took && median && took > median * 1.5 ? Math.min(1, Math.log2(took / median) / 3) : 0;
  };
  return (
    <div class="grid-view" tabIndex={0} role="region" aria-label="Steps of the last runs of this workflow">
      <table>
        <thead>
          <tr>
            <th scope="col" class="i3">{by} · {columns.length} runs, newest first</th>
            {columns.map((each) => (
              <th key={each.run} scope="col" class={each.run === run?.id ? "own" : ""}>
                <a href={`/runs/${each.run}`} title={`${each.name}, ${each.status}, ${time(each.created_at)}, ${duration(each.took_s)}`}><Mark status={each.status} size={12} /></a>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[...rows, ...others].map((row) => (
            <tr key={row} class={row === state.selection.value ? "at" : ""}>
              <th scope="row"><button type="button" onClick={() => { if (by === "step") state.selection.value = row; }}>{row.includes("/") ? row.slice(row.indexOf("/") + 1) : row}</button></th>
              {columns.map((each) => {
                const cell = each.cells[row];
                const title = cell && `${row} of ${each.name}: ${cell[0]}${cell[1] === null ? "" : `, ${duration(cell[1])}`}`;
                return (
                  <td key={each.run} class={each.run === run?.id ? "own" : ""} style={{ "--slow": shade(row, cell?.[1]) }}>
                    {cell && <a href={`/runs/${each.run}?step=${encodeURIComponent(row)}`} title={title}><Mark status={cell[0]} size={10} /></a>}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
