// Values as they are told: JSON as a tree, a table's head with its columns' figures, an array's shape and bars, text, images.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { apiPath, at } from "../core/api";
import type { Json } from "../core/types";
import { bytes, count, figure, many, percent } from "../core/words";
import { Icon } from "./icons";

/** Figures of numbers, as `motet.values.glimpses` makes them. */
interface Numbers { empty?: number; low?: number; high?: number; mean?: number; deviation?: number; bars?: number[] }
interface ArrayTold extends Numbers { type: "array"; dtype: string; shape: number[]; size_bytes: number; sampled: boolean }
interface TableTold {
  type: "table"; columns: string[]; kinds?: string[]; rows: Json[][]; n_rows: number; n_columns: number; about?: Numbers[]; sampled?: boolean;
}

interface ImageTold { type: "image"; thumbnail: { artifact: string } }

/** A value as the server shows it: see `motet.views.inputs`. */
export interface Shown {
  words?: string;
  value?: Json;
  text?: string;
  n_chars?: number;
  preview?: ArrayTold | TableTold | ImageTold | null;
  artifact?: string;
  size_bytes?: number;
}

/** Something that a step has published: see `GET /runs/{run}/artifacts`. */
export interface Artifact {
  key: string; type: string; description: string; attempt: number; at: number;
  content: { artifact?: string; size_bytes?: number; text?: string } | null;
  preview: Record<string, Json> | null;
  points?: [number, number][];
}

/** A link that keeps the content of an artifact. */
export function Save({ digest, name }: { digest: string; name: string }) {
  return <a class="save" href={apiPath(at`/artifacts/${digest}`)} download={name} aria-label={`Keep ${name}`} title={`Keep ${name}`}><Icon name="save" /></a>;
}

function Bars({ of }: { of: readonly number[] }) {
  const most = Math.max(...of, 1);
  return (
    <svg class="bars" width={of.length * 6} height={28} role="img" aria-label={`spread over ${of.length} bars`}>
      {of.map((each, index) => <rect key={index} x={index * 6} y={28 - Math.max(each ? 1 : 0, (each / most) * 28)} width={5} height={(each / most) * 28 || (each ? 1 : 0)} />)}
    </svg>
  );
}

const missing = (of: Numbers) => (of.empty ? `${count(of.empty)} empty` : "none empty");

function ArrayView({ of }: { of: ArrayTold }) {
  return (
    <div>
      <code>{of.dtype} [{of.shape.map(count).join(" × ")}]</code> <span class="i2">{bytes(of.size_bytes)}</span>
      <div class="row">
        {of.bars && <Bars of={of.bars} />}
        <span class="i2">
          {of.mean !== undefined ? `mean ${figure(of.mean)}, sd ${figure(of.deviation)}, ${figure(of.low)} to ${figure(of.high)}, ` : ""}{missing(of)}
          {of.sampled && ", about: of some of them"}
        </span>
      </div>
    </div>
  );
}

function Cell({ of }: { of: Json | undefined }) {
  return <td class={typeof of === "number" ? "right" : ""}>{of === null || of === undefined ? <span class="i3">empty</span> : typeof of === "number" ? figure(of) : String(of)}</td>;
}

function TableView({ of }: { of: TableTold }) {
  return (
    <div class="scrolls" tabIndex={0} role="group" aria-label={`The first rows of ${count(of.n_rows)}`}>
      <table>
        <thead>
          <tr>{of.columns.map((each, index) => <th key={index} scope="col">{each}{of.kinds && <span class="i3"> {of.kinds[index]}</span>}</th>)}</tr>
          {of.about && <tr class="about">{of.about.map((each, index) => (
            <td key={index}>{each.bars && <Bars of={each.bars} />}<div class="i2">{each.low !== undefined ? `${figure(each.low)} to ${figure(each.high)}, mean ${figure(each.mean)}, ` : ""}{missing(each)}</div></td>
          ))}</tr>}
        </thead>
        <tbody>{of.rows.map((row, index) => <tr key={index}>{row.map((each, place) => <Cell key={place} of={each} />)}</tr>)}</tbody>
      </table>
      <p class="i3">{count(of.rows.length)} of {many(of.n_rows, "row")}, {many(of.n_columns, "column")}{of.sampled && "; figures of some of them"}</p>
    </div>
  );
}

const isHeld = (of: Json): of is Json[] | Record<string, Json> => typeof of === "object" && of !== null;
/** Whether it reads well on one line. */
const isShort = (of: Json) => !isHeld(of) || JSON.stringify(of).length < 48;

/** JSON as a tree: short parts on a line, longer ones to be opened, three levels deep at first. */
export function Tree({ of, depth = 0, path = "", unlike }: { of: Json; depth?: number; path?: string; unlike?: Record<string, Json> | undefined }): ComponentChildren {
  if (!isHeld(of)) {
    const text = typeof of === "string" ? JSON.stringify(of) : String(of);
    const range = unlike?.[path];
    if (Array.isArray(range)) {
      const [low, high] = range;
      return <><mark>{text}</mark> <span class="i2">others {low === high ? String(low) : `${low} to ${high}`}</span></>;
    }
    return <span class={typeof of === "string" ? "" : "num"}>{text}</span>;
  }
  const list = Array.isArray(of);
  const entries: [string, Json][] = list ? of.map((each, index) => [String(index), each]) : Object.entries(of);
  const [open, close] = list ? "[]" : "{}";
  const below = (name: string) => (path ? `${path}.${name}` : name);
  const inside = entries.map(([name, each], index) => (
    <li key={name}>{!list && <span class="i2">{name}: </span>}<Tree of={each} depth={depth + 1} path={below(name)} unlike={unlike} />{index < entries.length - 1 && ","}</li>
  ));
  if (!entries.length) return `${open}${close}`;
  const marked = unlike && Object.keys(unlike).some((each) => !path || each.startsWith(`${path}.`));
  if (isShort(of) && !marked && entries.every(([, each]) => !isHeld(each))) return <span class="inline">{open} <ul>{inside}</ul> {close}</span>;
  return (
    <details class="tree" open={depth < 3 && entries.length <= 40}>
      <summary>{open}<span class="i3"> {many(entries.length, list ? "item" : "name")} {close}</span></summary>
      <ul>{inside.slice(0, 200)}{entries.length > 200 && <li class="i3">{count(entries.length - 200)} more</li>}</ul>
    </details>
  );
}

/** The head of a text. */
function Head({ text, chars }: { text: string; chars: number }) {
  return <><pre class="text">{text}</pre>{chars > text.length && <p class="i3">{count(text.length)} of {count(chars)} characters</p>}</>;
}

/** A value: what is in it as far as that is told, else what it is. */
export function Value({ of, unlike }: { of: Shown; unlike?: Record<string, Json> | undefined }) {
  if (of.preview?.type === "array") return <ArrayView of={of.preview} />;
  if (of.preview?.type === "table") return <TableView of={of.preview} />;
  if (of.preview?.type === "image") return <Picture digest={of.preview.thumbnail.artifact} type="image/png" alt={of.words ?? ""} />;
  if (of.text !== undefined) return of.text.includes("\n") ? <Head text={of.text} chars={of.n_chars ?? 0} /> : <code>{JSON.stringify(of.text)}</code>;
  if (of.value !== undefined) return <code class="json"><Tree of={of.value} unlike={unlike} /></code>;
  return <span><code>{of.words}</code>{of.size_bytes ? <span class="i2"> {bytes(of.size_bytes)}</span> : null}</span>;
}

const IMAGES: Record<string, string> = { png: "image/png", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp" };

/** An image of the store as one of this page: asked for, and shown as what its first bytes say; never as a document. */
export function Picture({ digest, type, alt }: { digest: string; type: string; alt: string }) {
  const [url, setUrl] = useState("");
  const kind = IMAGES[type.split("/").pop() ?? ""];
  useEffect(() => {
    if (!kind) return;
    let made = "";
    let over = false;
    void fetch(apiPath(at`/artifacts/${digest}`), { credentials: "same-origin" }).then(async (answer) => {
      if (!answer.ok || over) return;
      made = URL.createObjectURL(new Blob([await answer.arrayBuffer()], { type: kind }));
      setUrl(made);
    });
    return () => { over = true; URL.revokeObjectURL(made); };
  }, [digest, kind]);
  return url ? <img src={url} alt={alt} class="still" /> : <span class="i3">{kind ? "" : type}</span>;
}

/** What an artifact shows of itself. */
export function ArtifactView({ of }: { of: Artifact }) {
  const told = of.preview ?? {};
  const text = (name: string) => (typeof told[name] === "string" ? told[name] : "");
  switch (of.type) {
    case "table": return <TableView of={{ type: "table", ...told } as unknown as TableTold} />;
    case "image": {
      const small = told.thumbnail as { artifact?: string } | undefined;
      const digest = small?.artifact ?? of.content?.artifact;
      return digest ? <Picture digest={digest} type={small ? "image/png" : text("media_type")} alt={of.description || of.key} /> : <code>{text("url")}</code>;
    }
    case "markdown": case "file": return text("head") ? <Head text={text("head")} chars={Number(told.n_chars ?? 0)} /> : null;
    case "progress": return <span class="row"><progress max={100} value={Number(told.percent)} /> {percent(Number(told.percent) / 100)}</span>;
    case "link": return /^https?:/.test(text("url")) ? <a href={text("url")} target="_blank" rel="noreferrer noopener">{text("url")}</a> : <code>{text("url")}</code>;
    default: return null;
  }
}
