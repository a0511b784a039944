// Where artifacts and steps stand in a lineage: a column a level, each near what it hangs together with.

export interface Node {
  level: number;
  artifact?: string;
  key?: string;
  type?: string;
  description?: string;
  preview?: unknown;
  size_bytes?: number | null;
  made_at?: number | null;
  run?: string;
  name?: string;
  workflow?: string;
  step?: string;
  task?: string;
  status?: string;
  cached?: boolean;
  ended_at?: number | null;
}

export interface Graph {
  sentence: string;
  nodes: Node[];
  edges: [number, number][];
  is_cut: boolean;
}

/** A box of the picture: one node, or many of a kind that are folded into one. */
export interface Box {
  members: number[];
  column: number;
  /** its place from the top, in rows */
  row: number;
}

export interface Picture {
  boxes: Box[];
  /** from box to box */
  edges: [number, number][];
  columns: number;
  rows: number;
}

export const FOLD = 12;
const SWEEPS = 6;

/** What counts as one kind where there are many: steps of one task of one workflow, artifacts of one name. */
const kind = (of: Node) => (of.step === undefined ? `a ${of.type} ${of.key}` : `s ${of.workflow} ${of.task}`);

/** The places of all nodes; more than twelve of a kind in a column are one box, unless they are `opened`. */
export function layout(graph: Graph, opened: ReadonlySet<string> = new Set()): Picture {
  const levels = [...new Set(graph.nodes.map((each) => each.level))].sort((a, b) => a - b);
  const boxes: Box[] = [];
  const boxOf = new Map<number, number>();
  levels.forEach((level, column) => {
    const kinds = new Map<string, number[]>();
    graph.nodes.forEach((each, index) => {
      if (each.level === level) kinds.set(kind(each), [...(kinds.get(kind(each)) ?? []), index]);
    });
    for (const [name, members] of kinds) {
      const groups = members.length > FOLD && !opened.has(`${level} ${name}`) ? [members] : members.map((each) => [each]);
      for (const group of groups) {
        for (const each of group) boxOf.set(each, boxes.length);
        boxes.push({ members: group, column, row: 0 });
      }
    }
  });
  const keys = new Set(graph.edges.map(([a, b]) => `${boxOf.get(a)},${boxOf.get(b)}`));
  const edges = [...keys].map((each) => each.split(",").map(Number) as [number, number]).filter(([a, b]) => a !== b);
  place(boxes, edges, levels.length);
  return { boxes, edges, columns: levels.length, rows: Math.max(1, ...boxes.map((each) => each.row + 1)) };
}

/** The name by which a folded box is opened. */
export const foldOf = (graph: Graph, box: Box) => {
  const first = graph.nodes[box.members[0] ?? 0];
  return first ? `${first.level} ${kind(first)}` : "";
};

/** Order each column by the middle of what its boxes hang together with, to and fro; then centre the columns. */
function place(boxes: Box[], edges: readonly [number, number][], columns: number): void {
  const near = boxes.map((): number[] => []);
  for (const [a, b] of edges) {
    near[a]?.push(b);
    near[b]?.push(a);
  }
  const byColumn = Array.from({ length: columns }, (_, column) => boxes.map((_, index) => index).filter((index) => boxes[index]?.column === column));
  const number = (column: number[]) => column.forEach((index, row) => { const box = boxes[index]; if (box) box.row = row; });
  byColumn.forEach(number);
  const middle = (index: number, of: Box) => {
    const there = near[index] ?? [];
    return there.length ? there.reduce((sum, each) => sum + (boxes[each]?.row ?? 0), 0) / there.length : of.row;
  };
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (const column of sweep % 2 ? [...byColumn].reverse() : byColumn) {
      const weights = new Map(column.map((index) => [index, middle(index, boxes[index] as Box)]));
      column.sort((a, b) => (weights.get(a) ?? 0) - (weights.get(b) ?? 0) || a - b);
      number(column);
    }
  }
  const most = Math.max(...byColumn.map((each) => each.length));
  for (const column of byColumn) for (const index of column) { const box = boxes[index]; if (box) box.row += (most - column.length) / 2; }
}
