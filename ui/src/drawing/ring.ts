// The items of one level in the order of their angles; newcomers take the nearest gap that has room. No DOM.
import { TURN, turned } from "./separate";

export class Ring {
  readonly items: number[] = [];
  readonly at: number[] = []; // ascending; on a circle from 0 to a turn

  constructor(private readonly round: boolean) {}

  get size(): number {
    return this.items.length;
  }

  norm(angle: number): number {
    return this.round ? turned(angle) : angle;
  }

  fill(items: readonly number[], angles: readonly number[]): void {
    const order = [...items.keys()].sort((a, b) => angles[a]! - angles[b]! || a - b);
    for (const each of order) {
      this.items.push(items[each]!);
      this.at.push(angles[each]!);
    }
  }

  remove(item: number): void {
    const i = this.items.indexOf(item);
    if (i < 0) return;
    this.items.splice(i, 1);
    this.at.splice(i, 1);
  }

  /** Index of the first item at or after an angle. */
  find(angle: number): number {
    let low = 0, high = this.at.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (this.at[mid]! < angle) low = mid + 1;
      else high = mid;
    }
    return low;
  }

  /** The middle of the largest gap; below the last row where the plane is not round. */
  emptiest(): number {
    if (!this.round) return (this.at.at(-1) ?? 0) + 60;
    let best = 0, middle = 0;
    for (let i = 0; i < this.size; i++) {
      const gap = this.gap(i);
      if (gap > best + 1e-9) {
        best = gap;
        middle = this.at[i]! + gap / 2;
      }
    }
    return middle;
  }

  /** The gap after item `i`. */
  gap(i: number): number {
    if (i + 1 < this.size) return this.at[i + 1]! - this.at[i]!;
    return this.round ? this.at[0]! + TURN - this.at[i]! : Infinity;
  }

  /**
   * Inserts items that belong together, in their order, as near to where they want to be as a gap allows that has room
   * for all of them; where none has, they share the largest evenly. Returns their places; the others stay.
   */
  insert(list: readonly number[], wanted: readonly number[], half: (item: number) => number): number[] {
    const offsets = [0];
    for (let i = 1; i < list.length; i++) offsets.push(offsets[i - 1]! + half(list[i - 1]!) + half(list[i]!));
    const long = offsets.at(-1)!;
    const start = (wanted.reduce((sum, each) => sum + each, 0) / list.length) - long / 2;
    const from = this.size ? this.nearest(start, long, half(list[0]!), half(list.at(-1)!), half) : start;
    const places = from === null ? this.share(list.length) : offsets.map((each) => from + each);
    list.forEach((item, i) => this.put(item, this.norm(places[i]!)));
    return places.map((each) => this.norm(each));
  }

  private put(item: number, angle: number): void {
    const i = this.find(angle);
    this.items.splice(i, 0, item);
    this.at.splice(i, 0, angle);
  }

  /** Where a block of `long` begins nearest to `start` in a gap that has room for it, or null. */
  private nearest(start: number, long: number, before: number, after: number, half: (item: number) => number): number | null {
    const n = this.size;
    const want = this.norm(start);
    const begin = this.find(want) - 1;
    let best: number | null = null, least = Infinity;
    const look = (i: number): number => {
      // the gap after item i, in turns near to `want`
      const turns = this.round ? Math.floor(i / n) : 0;
      const of = this.round ? ((i % n) + n) % n : i;
      if (!this.round && (of < -1 || of >= n)) return Infinity;
      const left = of < 0 ? -Infinity : this.at[of]! + turns * TURN + half(this.items[of]!) + before;
      const next = of + 1 < n ? this.at[of + 1]! + turns * TURN : this.round ? this.at[0]! + (turns + 1) * TURN : Infinity;
      const right = next === Infinity ? Infinity : next - half(this.items[(of + 1) % n]!) - after - long;
      const nearest = want < left ? left : want > right ? right : want;
      const moved = Math.abs(nearest - want);
      if (right >= left - 1e-9 && moved < least - 1e-9) {
        least = moved;
        best = Math.max(left, Math.min(right, want));
      }
      return of < 0 ? 0 : Math.min(Math.abs(this.at[of]! + turns * TURN - want), Math.abs(next - want));
    };
    for (let k = 0; k <= n; k++) {
      const up = look(begin + k);
      const down = k ? look(begin - k) : up;
      if (Math.min(up, down) > least) break;
    }
    return best;
  }

  private share(count: number): number[] {
    let best = 0;
    for (let i = 1; i < this.size; i++) if (this.gap(i) > this.gap(best) + 1e-9) best = i;
    const gap = this.gap(best);
    return Array.from({ length: count }, (_, i) => this.at[best]! + (gap * (i + 1)) / (count + 1));
  }
}
