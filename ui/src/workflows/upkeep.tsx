// Pausing, resuming and removing a schedule or a trigger.
import { useSignal } from "@preact/signals";
import { refused, type Outcome } from "../core/acts";
import { post, remove } from "../core/api";
import { Button } from "../parts/controls";

/** Pause or resume, and remove, which asks once more; shown with what came of it. */
export function Upkeep({ route, name, paused, what, done }: { route: "schedules" | "triggers"; name: string; paused: boolean; what: string; done: () => void }) {
  const sure = useSignal(false);
  const went = useSignal<Outcome | null>(null);
  const act = async (words: string, asking: Promise<unknown>) => {
    try {
      await asking;
      went.value = null;
      done();
    } catch (error) {
      went.value = refused(words, error);
    }
  };
  const path = `/${route}/${encodeURIComponent(name)}`;
  return (
    <div class="acts">
      <Button onClick={() => void act(paused ? "Not resumed" : "Not paused", post(`${path}/${paused ? "resume" : "pause"}`))}>{paused ? "Resume" : "Pause"}</Button>
      {sure.value ? (
        <><Button primary onClick={() => void act("Not removed", remove(path))}>Remove {name}</Button><Button plain onClick={() => { sure.value = false; }}>Keep it</Button></>
      ) : <Button plain onClick={() => { sure.value = true; }}>Remove…</Button>}
      {sure.value && <span class="i2">{what}</span>}
      {went.value && <span class="t-failed" role="alert">{went.value.words}</span>}
    </div>
  );
}
