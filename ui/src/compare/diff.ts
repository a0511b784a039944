// What differs between two texts, line by line: the fewest lines that go and come.

export interface Line {
  sign: " " | "-" | "+";
  text: string;
  /** its number in the old text, or in the new one for a line that came */
  number: number;
}

const MOST_CHANGES = 2000;

/** All lines of both texts in order. Where they have next to nothing in common: all of the one, then all of the other. */
export function diff(before: string, after: string): Line[] {
  const a = before.split("\n");
  const b = after.split("\n");
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const middle = steps(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  const lines: Line[] = [];
  let [x, y] = [0, 0];
  const take = (sign: Line["sign"]) => {
    lines.push({ sign, text: (sign === "+" ? b[y] : a[x]) ?? "", number: (sign === "+" ? y : x) + 1 });
    if (sign !== "+") x += 1;
    if (sign !== "-") y += 1;
  };
  for (let each = 0; each < head; each += 1) take(" ");
  for (const sign of middle) take(sign);
  for (let each = 0; each < tail; each += 1) take(" ");
  return lines;
}

/** The signs of the shortest way from the one to the other. */
function steps(a: readonly string[], b: readonly string[]): Line["sign"][] {
  const most = Math.min(a.length + b.length, MOST_CHANGES);
  let ends = new Map<number, number>([[1, 0]]);
  const trail: Map<number, number>[] = [];
  for (let changes = 0; changes <= most; changes += 1) {
    trail.push(ends);
    const reached = new Map(ends);
    for (let k = -changes; k <= changes; k += 2) {
      const down = k === -changes || (k !== changes && (ends.get(k - 1) ?? -1) < (ends.get(k + 1) ?? -1));
      let x = down ? (ends.get(k + 1) ?? 0) : (ends.get(k - 1) ?? 0) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      reached.set(k, x);
      if (x >= a.length && x - k >= b.length) return back(trail, a.length, b.length);
    }
    ends = reached;
  }
  return [...a.map(() => "-" as const), ...b.map(() => "+" as const)];
}

function back(trail: readonly Map<number, number>[], wide: number, high: number): Line["sign"][] {
  const found: Line["sign"][] = [];
  let [x, y] = [wide, high];
  for (let changes = trail.length - 1; changes >= 0; changes -= 1) {
    const ends = trail[changes] ?? new Map<number, number>();
    const k = x - y;
    const down = k === -changes || (k !== changes && (ends.get(k - 1) ?? -1) < (ends.get(k + 1) ?? -1));
    const from = down ? k + 1 : k - 1;
    const startX = changes ? (ends.get(from) ?? 0) : 0;
    const startY = changes ? startX - from : 0;
    while (x > startX + (down || !changes ? 0 : 1) && y > startY + (down && changes ? 1 : 0)) {
      found.push(" ");
      [x, y] = [x - 1, y - 1];
    }
    if (changes) found.push(down ? "+" : "-");
    [x, y] = [startX, startY];
  }
  return found.reverse();
}

/** Only what changed with `around` lines on either side; between them the number of lines that are left out. */
export function hunks(lines: readonly Line[], around = 3): (Line | number)[] {
  const near = new Array<boolean>(lines.length).fill(false);
  lines.forEach((each, index) => {
    if (each.sign !== " ") near.fill(true, Math.max(0, index - around), Math.min(lines.length, index + around + 1));
  });
  const found: (Line | number)[] = [];
  let left = 0;
  lines.forEach((each, index) => {
    if (!near[index]) left += 1;
    else {
      if (left) found.push(left);
      left = 0;
      found.push(each);
    }
  });
  if (left && found.length) found.push(left);
  return found;
}
