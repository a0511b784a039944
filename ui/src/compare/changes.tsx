// Two texts beside each other, as one: what went, what came, and a few lines around.
import { many } from "../core/words";
import { diff, hunks } from "./diff";

export function Changes({ before, after, label }: { before: string; after: string; label: string }) {
  const shown = hunks(diff(before, after));
  if (!shown.length) return <p class="i2">Nothing differs.</p>;
  return (
    <pre class="code changes" aria-label={label} tabIndex={0}>
      {shown.map((each, index) => (
        typeof each === "number" ? <span key={index} class="i3">… {many(each, "equal line")}{"\n"}</span> : (
          <span key={index} class={each.sign === "+" ? "came" : each.sign === "-" ? "went" : ""}>
            <span class="i3 line-no">{each.number}</span>{each.sign} {each.text}{"\n"}
          </span>
        )
      ))}
    </pre>
  );
}
