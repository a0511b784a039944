// Publish an event: name, namespace, a value that is checked while it is written, who listens, and the same command.
import { useSignal } from "@preact/signals";
import { publish, publishCommand, refused, type Outcome } from "../core/acts";
import { get } from "../core/api";
import { useAnswer } from "../core/answer";
import type { Json } from "../core/types";
import { Button, Copy } from "../parts/controls";
import { BROKEN, parsed } from "../parts/schema";

interface Wait { for: string; event?: string; rule?: Json; name: string; run: string }
interface Trigger { name: string; target: string; key: string; paused: boolean }

/** Whether the key is like the pattern, in which `*` stands for any text. */
export function isLike(key: string, pattern: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (!rest.length) return key === pattern;
  if (!key.startsWith(first)) return false;
  let at = first.length;
  for (const [index, each] of rest.entries()) {
    const found = index === rest.length - 1 ? (key.endsWith(each) ? key.length - each.length : -1) : key.indexOf(each, at);
    if (found < at) return false;
    at = found + each.length;
  }
  return true;
}

export function PublishPanel({ close, done }: { close: () => void; done: (offset: number) => void }) {
  const key = useSignal("");
  const namespace = useSignal("");
  const text = useSignal("{}");
  const went = useSignal<Outcome | null>(null);
  const value = text.value.trim() ? parsed(text.value) : null;
  const listens = useAnswer((signal) => Promise.all([get<{ waits: Wait[] }>("/waiting", {}, signal), get<Trigger[]>("/triggers", {}, signal)]), []);
  const [waiting, triggers] = listens.value ?? [{ waits: [] }, []];
  const named = key.value
    ? [
        ...triggers.filter((each) => !each.paused && isLike(key.value, each.key)).map((each) => `trigger ${each.name} begins ${each.target}`),
        ...waiting.waits.filter((each) => each.event === key.value || JSON.stringify(each.rule ?? "").includes(`"key":"${key.value}"`)).map((each) => `${each.name} waits for it`),
      ]
    : [];
  const broken = value === BROKEN;
  const send = async () => {
    try {
      const { offset } = await publish(key.value, value, namespace.value);
      went.value = { words: `Published at offset ${offset}.`, bad: false };
      done(offset);
    } catch (error) {
      went.value = refused("Not published", error);
    }
  };
  return (
    <aside aria-label="Publish an event">
      <div class="panel-head"><h2 class="grow">Publish an event</h2><Button plain icon="close" label="Close" onClick={close} /></div>
      <section>
        <div class="field">
          <label for="publish-key"><b>Name</b> <span class="i3">such as data_prepared</span></label>
          <input type="text" id="publish-key" value={key.value} onInput={(event) => { key.value = event.currentTarget.value; }} />
        </div>
        <div class="field">
          <label for="publish-namespace"><b>Namespace</b> <span class="i3">may be empty</span></label>
          <input type="text" id="publish-namespace" value={namespace.value} onInput={(event) => { namespace.value = event.currentTarget.value; }} />
        </div>
        <div class="field">
          <label for="publish-value"><b>Value</b> <span class="i3">JSON</span></label>
          <textarea id="publish-value" class="mono" rows={6} spellcheck={false} value={text.value} aria-invalid={broken || undefined} aria-describedby="publish-check"
            onInput={(event) => { text.value = event.currentTarget.value; }} />
          <p id="publish-check" class={broken ? "t-failed why" : "i3 why"}>{broken ? "This is no JSON." : "This is JSON."}</p>
        </div>
        <p class="i2">{key.value ? (named.length ? `Who listens for ${key.value}: ${named.join("; ")}.` : `Nobody is known to wait for ${key.value} now. Rules of runs may.`) : "All runs may hear it."}</p>
        <div class="acts">
          <Button primary icon="event" disabled={!key.value || broken} onClick={() => void send()}>Publish</Button>
          <Copy text={publishCommand(key.value || "KEY", broken ? null : value, namespace.value)} />
        </div>
        {went.value && <p class={went.value.bad ? "t-failed" : "i2"} role="status">{went.value.words}</p>}
      </section>
    </aside>
  );
}
