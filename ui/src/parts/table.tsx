// A table that shows a window of any number of rows: rows of one height, of which only those in view are in the page.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

/** More than this no browser lets an element be high: beyond it a pixel of scrolling is more than one of rows. */
const MOST_PX = 8_000_000;
const SPARE = 8;

/** Which rows a window shows. */
export interface Window {
  first: number;
  last: number;
  /** how far the first row is shifted, in pixels, within an element of `height` */
  top: number;
  height: number;
}

/** The rows that are in view of a viewport `view` high that is scrolled to `scrolled`. */
export function windowOf(count: number, row: number, view: number, scrolled: number): Window {
  const whole = count * row;
  const height = Math.min(whole, MOST_PX);
  const range = Math.max(1, height - view);
  const at = whole === height ? scrolled : (Math.min(scrolled, range) / range) * (whole - view);
  const first = Math.max(0, Math.floor(at / row) - SPARE);
  const last = Math.min(count, Math.ceil((at + view) / row) + SPARE);
  return { first, last, top: scrolled + first * row - at, height };
}

export interface Column<T> {
  key: string;
  head: ComponentChildren;
  cell: (row: T, index: number) => ComponentChildren;
  /** of the grid: "90px", "minmax(120px, 1fr)" */
  width: string;
  right?: boolean;
  /** sorted by this head: ascending, descending, or not */
  sorted?: "ascending" | "descending";
  onSort?: () => void;
}

interface TableOf<T> {
  label: string;
  columns: readonly Column<T>[];
  count: number;
  /** the row of that place; undefined while it is not there yet */
  row: (index: number) => T | undefined;
  keyOf: (row: T, index: number) => string;
  height?: number;
  /** the place of the row that the keyboard is at; -1 for none */
  at?: number;
  onAt?: (index: number) => void;
  onOpen?: (row: T, index: number) => void;
  rowClass?: (row: T, index: number) => string;
  onWindow?: (first: number, last: number) => void;
  empty?: ComponentChildren;
}

/** The windowed table. It fills its parent, which decides how high it is; heads stick. */
export function Table<T>(of: TableOf<T>) {
  const { columns, count, row, keyOf, height = 31, at = -1 } = of;
  const port = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ high: 800, scrolled: 0 });
  const shown = windowOf(count, height, view.high, view.scrolled);
  const template = columns.map((each) => each.width).join(" ");

  useLayoutEffect(() => {
    const element = port.current;
    if (!element) return;
    const measure = () => setView({ high: element.clientHeight, scrolled: element.scrollTop });
    measure();
    const seen = new ResizeObserver(measure);
    seen.observe(element);
    return () => seen.disconnect();
  }, []);

  useEffect(() => of.onWindow?.(shown.first, shown.last), [shown.first, shown.last]);

  useEffect(() => {
    const element = port.current;
    if (!element || at < 0) return;
    const head = element.querySelector<HTMLElement>(".thead")?.offsetHeight ?? 0;
    const top = at * height;
    if (count * height > MOST_PX) return;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + height > element.scrollTop + element.clientHeight - head) {
      element.scrollTop = top + height - element.clientHeight + head;
    }
  }, [at]);

  const line = (index: number): JSX.Element => {
    const found = row(index);
    const kind = `tr${index === at ? " at" : ""}${found === undefined ? "" : ` ${of.rowClass?.(found, index) ?? ""}`}`;
    return (
      <div
        key={found === undefined ? `#${index}` : keyOf(found, index)} class={kind} role="row" aria-rowindex={index + 2}
        aria-selected={index === at} style={{ gridTemplateColumns: template, height: `${height}px` }}
        onClick={() => of.onAt?.(index)}
        onDblClick={() => found !== undefined && of.onOpen?.(found, index)}
      >
        {found !== undefined && columns.map((each) => (
          <div key={each.key} role="gridcell" class={each.right ? "td right" : "td"}>{each.cell(found, index)}</div>
        ))}
      </div>
    );
  };

  const rows: JSX.Element[] = [];
  for (let index = shown.first; index < shown.last; index += 1) rows.push(line(index));
  return (
    <div
      class="table" ref={port} role="grid" aria-label={of.label} aria-rowcount={count + 1} tabIndex={0}
      onScroll={(event) => setView({ high: event.currentTarget.clientHeight, scrolled: event.currentTarget.scrollTop })}
    >
      <div class="thead" role="row" aria-rowindex={1} style={{ gridTemplateColumns: template }}>
        {columns.map((each) => (
          <div key={each.key} role="columnheader" class={each.right ? "th right" : "th"} aria-sort={each.sorted}>
            {each.onSort ? <button type="button" onClick={each.onSort}>{each.head}{each.sorted && (each.sorted === "ascending" ? " ↑" : " ↓")}</button> : each.head}
          </div>
        ))}
      </div>
      {count === 0 && of.empty ? <div role="row"><div role="gridcell">{of.empty}</div></div> : (
        <div class="tbody" role="rowgroup" style={{ height: `${shown.height}px` }}>
          <div role="presentation" style={{ transform: `translateY(${shown.top}px)` }}>{rows}</div>
        </div>
      )}
    </div>
  );
}
