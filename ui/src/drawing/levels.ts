// Levels of a growing graph: 1 without predecessors, else one more than the largest of them. No DOM.

/**
 * Items and edges come in batches, and what a batch costs is in proportion to the batch and to what it raises.
 * An edge that closes a loop is kept apart in `loops` and counted in no level.
 */
export class Levels {
  readonly level: number[] = [];
  readonly preds: number[][] = [];
  readonly succs: number[][] = [];
  readonly loops: [number, number][] = [];

  /** Adds items up to number `n`, and edges whose ends are both below it. Returns older items whose level rose. */
  add(n: number, edges: readonly (readonly [number, number])[]): Set<number> {
    const first = this.level.length;
    while (this.level.length < n) {
      this.level.push(0);
      this.preds.push([]);
      this.succs.push([]);
    }
    const late: (readonly [number, number])[] = [];
    for (const edge of edges) {
      const [a, b] = edge;
      if (b < first) {
        late.push(edge);
        continue;
      }
      this.preds[b]!.push(a);
      this.succs[a]!.push(b);
    }
    this.sort(first, n);
    const raised = new Set<number>();
    for (const [a, b] of late) this.close(a, b, raised);
    for (const each of raised) if (each >= first) raised.delete(each);
    return raised;
  }

  /** Levels of the items from `first` on, in one pass; where all that are left wait for each other, the first begins. */
  private sort(first: number, n: number): void {
    const { level, preds, succs } = this;
    const missing = new Int32Array(n - first);
    const ready: number[] = [];
    for (let i = first; i < n; i++) {
      for (const p of preds[i]!) if (p >= first) missing[i - first]! += 1;
      if (!missing[i - first]) ready.push(i);
    }
    let next = first;
    for (let done = 0, at = 0; done < n - first; done++, at++) {
      if (at === ready.length) {
        while (level[next]! > 0) next++;
        this.cut(next, first);
        missing[next - first] = 0;
        ready.push(next);
      }
      const i = ready[at]!;
      let highest = 0;
      for (const p of preds[i]!) highest = Math.max(highest, level[p]!);
      level[i] = highest + 1;
      for (const s of succs[i]!) if (s >= first && --missing[s - first]! === 0 && !level[s]) ready.push(s);
    }
  }

  /** Takes what an item waits for and that has no level out of the graph: those edges close a loop. */
  private cut(item: number, first: number): void {
    this.preds[item] = this.preds[item]!.filter((p) => {
      if (p < first || this.level[p]! > 0) return true;
      this.loops.push([p, item]);
      const list = this.succs[p]!;
      list.splice(list.indexOf(item), 1);
      return false;
    });
  }

  private close(a: number, b: number, raised: Set<number>): void {
    const { level, preds, succs } = this;
    if (level[b]! <= level[a]! && this.reaches(b, a)) return void this.loops.push([a, b]);
    preds[b]!.push(a);
    succs[a]!.push(b);
    const todo: [number, number][] = [[b, level[a]! + 1]];
    for (let top = todo.pop(); top; top = todo.pop()) {
      const [item, least] = top;
      if (level[item]! >= least) continue;
      level[item] = least;
      raised.add(item);
      for (const s of succs[item]!) if (level[s]! <= least) todo.push([s, least + 1]);
    }
  }

  private reaches(from: number, to: number): boolean {
    const seen = new Set([from]);
    const todo = [from];
    for (let item = todo.pop(); item !== undefined; item = todo.pop()) {
      if (item === to) return true;
      for (const s of this.succs[item]!) {
        if (this.level[s]! > this.level[to]! || seen.has(s)) continue;
        seen.add(s);
        todo.push(s);
      }
    }
    return false;
  }
}
