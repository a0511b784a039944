// The page Artifacts: what runs have published, newest first; and one artifact with what made it and was made of it.
import { useSignal } from "@preact/signals";
import { at, get } from "../core/api";
import { useAnswer } from "../core/answer";
import { go, number, param, text } from "../core/router";
import type { Event, Json, Run, RunList } from "../core/types";
import { bytes, iso, time } from "../core/words";
import { Segments } from "../parts/controls";
import { Icon } from "../parts/icons";
import { isObject } from "../parts/schema";
import { Empty, Failed, Loading } from "../parts/state";
import { Table, type Column } from "../parts/table";
import type { Graph, Node } from "./layout";
import { Lineage, Makers } from "./lineage";
import { Picture } from "./picture";
import "../style/events.css";
import "../style/artifacts.css";
import "../style/compare.css";

const query = param("q", text, "replace");
const kind = param("kind", text);
const levels = param("levels", number);

export function ArtifactsPage({ digest }: { digest?: string; tab?: string }) {
  return digest ? <One digest={digest} /> : <List />;
}

const KINDS = [["", "All"], ["table", "Tables"], ["image", "Images"], ["markdown", "Texts"], ["file", "Files"], ["metric", "Metrics"]] as const;

function List() {
  const more = useSignal<Event[]>([]);
  const of = useAnswer((signal) => {
    more.value = [];
    return get<{ events: Event[]; next: number | null }>("/artifacts", { text: query.value, kind: kind.value, limit: 500 }, signal);
  }, [query.value, kind.value], (changes) => changes.some((each) => each.namespace === "artifact"));
  const runs = useAnswer((signal) => get<RunList>("/runs", { limit: 500 }, signal), []);
  const names = new Map(runs.value?.runs.map((each: Run) => [each.id, each.name]));
  const list = [...(of.value?.events ?? []), ...more.value];
  const value = (each: Event) => (isObject(each.value) ? each.value : {});
  const open = (each: Event) => {
    const digest = digestOf(value(each));
    go(digest ? `/artifacts/${digest}` : `/runs/${each.run}?step=${encodeURIComponent(String(value(each).step ?? ""))}`);
  };
  const columns: Column<Event>[] = [
    { key: "time", head: "Published", width: "120px", cell: (each) => <span class="i2" title={iso(each.at)}>{time(each.at)}</span> },
    { key: "name", head: "Name", width: "minmax(120px, 1fr)", cell: (each) => <a class="b" href={digestOf(value(each)) ? `/artifacts/${digestOf(value(each))}` : `/runs/${each.run}`}>{each.key}</a> },
    { key: "type", head: "Type", width: "90px", cell: (each) => String(value(each).type ?? "") },
    { key: "run", head: "Run", width: "minmax(100px, .8fr)", cell: (each) => <a href={`/runs/${each.run}`}>{names.get(each.run) ?? each.run}</a> },
    { key: "step", head: "Step", width: "minmax(90px, .8fr)", cell: (each) => <span class="i2">{String(value(each).step ?? "")}</span> },
    { key: "what", head: "What it holds", width: "minmax(120px, 1.6fr)", cell: (each) => told(value(each)) },
  ];
  return (
    <div class="beside">
      <div class="main">
        <div class="events-head">
          <h1>Artifacts</h1><span class="grow" />
          <Segments label="Type" options={KINDS} value={kind.value as (typeof KINDS)[number][0]} onChange={(to) => { kind.value = to; }} />
          <input type="search" aria-label="Filter artifacts" placeholder="name, description, step" value={query.value} onInput={(event) => { query.value = event.currentTarget.value; }} />
        </div>
        {of.error && <Failed what="The artifacts could not be read:" error={of.error} again={of.again} />}
        <Table
          label="Artifacts" columns={columns} count={list.length} row={(index) => list[index]} keyOf={(each) => String(each.offset)} onOpen={open}
          empty={<Empty>{query.value || kind.value ? "No artifact matches." : "No run has published anything."}</Empty>}
        />
      </div>
    </div>
  );
}

const digestOf = (value: Record<string, Json>): string => (isObject(value.content) && typeof value.content.artifact === "string" ? value.content.artifact : "");

/** What an artifact holds, on one line, from its preview. */
export function told(value: Record<string, Json>): string {
  const preview = isObject(value.preview) ? value.preview : {};
  const size = isObject(value.content) && typeof value.content.size_bytes === "number" ? bytes(value.content.size_bytes) : "";
  const shape = typeof preview.n_rows === "number" ? `${preview.n_rows} × ${preview.n_columns}: ${(preview.columns as string[]).join(", ")}` : "";
  const head = typeof preview.head === "string" ? (preview.head.split("\n")[0] ?? "") : "";
  const point = typeof preview.value === "number" ? `${preview.value} at ${String(preview.x)}` : "";
  return [shape || point || head || String(preview.url ?? preview.media_type ?? ""), size, String(value.description ?? "")].filter(Boolean).join(", ");
}

function One({ digest }: { digest: string }) {
  const deep = levels.value ?? 4;
  const of = useAnswer((signal) => get<Graph>(at`/artifacts/${digest}/lineage`, { levels: deep }, signal), [digest, deep]);
  const graph = of.value;
  const self = graph?.nodes.find((each) => each.artifact === digest);
  const before = graph?.nodes.some((each) => each.level < 0);
  const after = graph?.nodes.some((each) => each.level > 0);
  return (
    <div class="beside artifact-page">
      <div class="main">
        <div class="page-head"><h1 class="grow">{self?.key || `Artifact ${digest.slice(0, 12)}`}</h1></div>
        {of.error && <Failed what="The lineage could not be read:" error={of.error} again={of.again} />}
        {of.loading && <Loading />}
        {graph && (
          <p class="line-of">
            {graph.nodes.some((each) => each.level === -1) ? <>Made by <Makers graph={graph} level={-1} />. </> : graph.sentence || "No step that is kept made it. "}
            {after ? <>Given to <Makers graph={graph} level={1} />.</> : "Nothing was made of it."}
          </p>
        )}
        {graph && (before || after) && <Lineage graph={graph} digest={digest} />}
        {graph?.is_cut && <p class="line-of i2">It goes on. <a class="link" href={`/artifacts/${digest}?levels=${Math.min(20, deep * 2)}`}>Show {Math.min(20, deep * 2)} steps each way</a></p>}
      </div>
      {self && <About node={self} digest={digest} />}
    </div>
  );
}

function About({ node, digest }: { node: Node; digest: string }) {
  const preview = isObject(node.preview) ? node.preview : null;
  const thumbnail = preview && isObject(preview.thumbnail) ? String(preview.thumbnail.artifact ?? "") : "";
  return (
    <aside aria-label="The artifact">
      <section>
        <dl class="facts">
          <dt>type</dt><dd>{node.type || "unknown"}</dd>
          {node.size_bytes ? <><dt>size</dt><dd>{bytes(node.size_bytes)}</dd></> : null}
          {node.made_at ? <><dt>made</dt><dd title={iso(node.made_at)}>{time(node.made_at)}</dd></> : null}
          {node.description && <><dt>about</dt><dd>{node.description}</dd></>}
          <dt>sha256</dt><dd><code>{digest}</code></dd>
        </dl>
        <div class="acts"><a class="button" href={`/api/v1/artifacts/${digest}`} download={node.key || digest}><Icon name="save" /> Download</a></div>
      </section>
      {(thumbnail || node.type === "image") && <section><Picture digest={thumbnail || digest} type="image/png" alt={node.key ?? "image"} /></section>}
      {Array.isArray(preview?.rows) && <section><Rows columns={preview.columns as string[]} rows={preview.rows as Json[][]} /></section>}
      {typeof preview?.head === "string" && <section><pre class="code">{preview.head}</pre></section>}
    </aside>
  );
}

function Rows({ columns, rows }: { columns: readonly string[]; rows: readonly Json[][] }) {
  return (
    <div class="rows-of" tabIndex={0} role="region" aria-label="The first rows">
      <table class="sides"><thead><tr>{columns.map((each) => <th key={each} scope="col">{each}</th>)}</tr></thead>
        <tbody>{rows.map((row, index) => <tr key={index}>{row.map((cell, place) => <td key={place}>{typeof cell === "string" ? cell : JSON.stringify(cell)}</td>)}</tr>)}</tbody></table>
    </div>
  );
}
