// The lineage of an artifact: from what made it at the left to what was made of it at the right, each a link.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { bytes, many } from "../core/words";
import { Mark } from "../parts/marks";
import { foldOf, layout, type Box, type Graph, type Node } from "./layout";

const COLUMN = 224;
const ROW = 52;
const WIDE = 186;
const HIGH = 40;

export function Lineage({ graph, digest }: { graph: Graph; digest: string }) {
  const opened = useSignal<ReadonlySet<string>>(new Set());
  const port = useRef<HTMLDivElement>(null);
  const drawn = layout(graph, opened.value);
  const x = (box: Box) => 16 + box.column * COLUMN;
  const y = (box: Box) => 16 + box.row * ROW;
  const middle = drawn.boxes.find((each) => each.members.some((index) => graph.nodes[index]?.artifact === digest));
  useEffect(() => {
    const at = port.current;
    if (at && middle) at.scrollTo({ left: x(middle) - at.clientWidth / 2 + WIDE / 2, top: y(middle) - at.clientHeight / 2 });
  }, [digest, graph.nodes.length]);
  const wide = drawn.columns * COLUMN + 16;
  const high = drawn.rows * ROW + 32;
  return (
    <div class="lineage" ref={port} role="region" aria-label="Lineage" tabIndex={0}>
      <div class="lineage-sheet" style={{ width: `${wide}px`, height: `${high}px` }}>
        <svg width={wide} height={high} aria-hidden>
          {drawn.edges.map(([a, b]) => {
            const [from, to] = [drawn.boxes[a], drawn.boxes[b]];
            if (!from || !to) return null;
            const [x1, y1, x2, y2] = [x(from) + WIDE, y(from) + HIGH / 2, x(to), y(to) + HIGH / 2];
            return <path key={`${a} ${b}`} d={`M${x1} ${y1}C${x1 + 22} ${y1} ${x2 - 22} ${y2} ${x2} ${y2}`} />;
          })}
        </svg>
        <ul>
          {drawn.boxes.map((box) => (
            <li key={box.members[0]} style={{ left: `${x(box)}px`, top: `${y(box)}px`, width: `${WIDE}px`, height: `${HIGH}px` }}>
              {box.members.length > 1 ? (
                <button type="button" class="node many-of" onClick={() => { opened.value = new Set([...opened.value, foldOf(graph, box)]); }}>
                  <b>{graph.nodes[box.members[0] ?? 0]?.task ?? graph.nodes[box.members[0] ?? 0]?.key} × {box.members.length}</b><span class="i3">show all</span>
                </button>
              ) : <One node={graph.nodes[box.members[0] ?? 0]} digest={digest} />}
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

function One({ node, digest }: { node: Node | undefined; digest: string }) {
  if (!node) return null;
  if (node.artifact !== undefined) {
    const here = node.artifact === digest;
    return (
      <a class={`node artifact${here ? " here" : ""}`} href={`/artifacts/${node.artifact}`} aria-current={here ? "true" : undefined} title={node.artifact}>
        <b class="cut">{node.key || node.artifact.slice(0, 12)}</b>
        <span class="i3 cut">{[node.type, node.size_bytes ? bytes(node.size_bytes) : ""].filter(Boolean).join(", ")}</span>
      </a>
    );
  }
  return (
    <a class="node step" href={`/runs/${node.run}?step=${encodeURIComponent(node.step ?? "")}`} title={`${node.step} of ${node.name}`}>
      <b class="row"><Mark status={node.cached ? "cached" : (node.status ?? "")} size={12} /><span class="cut">{node.step?.split("/").slice(1).join("/") || node.step}</span></b>
      <span class="i3 cut">{node.name}</span>
    </a>
  );
}

/** "made by train[11] of calm-ibis, from features of quiet-otter (cached)", as a list of links. */
export function Makers({ graph, level }: { graph: Graph; level: number }) {
  const steps = graph.nodes.filter((each) => each.step !== undefined && each.level === level);
  if (!steps.length) return null;
  return (
    <>
      {steps.slice(0, 6).map((each, index) => (
        <span key={`${each.run} ${each.step}`}>
          {index > 0 && ", "}<a class="link" href={`/runs/${each.run}?step=${encodeURIComponent(each.step ?? "")}`}>{each.step}</a> of <a class="link" href={`/runs/${each.run}`}>{each.name}</a>{each.cached && " (cached)"}
        </span>
      ))}
      {steps.length > 6 && ` and ${many(steps.length - 6, "more step", "more steps")}`}
    </>
  );
}
