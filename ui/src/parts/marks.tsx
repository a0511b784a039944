// Marks and proportions as SVG, for text.
import { shownAs, statusWords, tallied, type Status } from "../core/status";
import { count } from "../core/words";
import { SHAPES, type Shape } from "./shapes";

function Drawn({ shape, status }: { shape: Shape; status: Status }) {
  const fill = shape.fill ? `var(--${status}${shape.fill === "fill" ? "-f" : ""})` : "none";
  const stroke = shape.stroke === "on" ? "var(--on)" : shape.stroke ? `var(--${status})` : "none";
  return (
    <path
      d={shape.d} fill={fill} stroke={stroke} stroke-width={shape.width} stroke-linecap="round" stroke-linejoin="round"
      stroke-dasharray={shape.dash?.join(" ")}
    />
  );
}

/** The mark of a status of the API; `quiet` where the status stands in words beside it. */
export function Mark({ status, size = 14, quiet = false }: { status: string; size?: number; quiet?: boolean }) {
  const shown = shownAs(status);
  const name = quiet ? { "aria-hidden": true as const } : { role: "img" as const, "aria-label": statusWords(status) };
  return (
    <svg class={`mark m-${shown}`} width={size} height={size} viewBox="0 0 16 16" {...name}>
      {SHAPES[shown].filter((each) => !each.fine || size >= 13).map((each) => <Drawn key={each.d} shape={each} status={shown} />)}
    </svg>
  );
}

const LEAST: Partial<Record<Status, number>> = { failed: 4, crashed: 4 };

/** Lengths of parts that sum to `width`, each at least as long as it must be seen. */
export function lengths(parts: readonly [Status, number][], width: number): number[] {
  const total = parts.reduce((sum, [, n]) => sum + n, 0) || 1;
  const least = parts.map(([status]) => LEAST[status] ?? 2);
  const wanted = parts.map(([, n], index) => Math.max(least[index] ?? 2, (n / total) * width));
  const over = wanted.reduce((sum, each) => sum + each, 0) - width;
  const spare = wanted.map((each, index) => each - (least[index] ?? 2));
  const room = spare.reduce((sum, each) => sum + each, 0) || 1;
  return wanted.map((each, index) => each - (over * (spare[index] ?? 0)) / room);
}

/** Counts by status as one bar: succeeded first, failed last and thicker. */
export function Proportions({ counts, width = 92 }: { counts: Readonly<Record<string, number>>; width?: number }) {
  const parts = tallied(counts).reverse();
  const long = lengths(parts, width);
  let x = 0;
  const words = tallied(counts).map(([status, n]) => `${count(n)} ${status}`).join(", ");
  return (
    <svg class="proportions" width={width} height={10} role="img" aria-label={words || "no steps"}>
      {parts.map(([status], index) => {
        const hot = status === "failed" || status === "crashed";
        const from = x;
        x += long[index] ?? 0;
        const quiet = status === "pending" || status === "ready" || status === "skipped";
        const fill = quiet ? "var(--line2)" : `var(--${status}-f)`;
        return <rect key={status} x={from} y={hot ? 1 : 2} width={Math.max(0, x - from - 0.5)} height={hot ? 8.4 : 6} fill={fill} />;
      })}
    </svg>
  );
}
