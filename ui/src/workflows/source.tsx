// The code of a registered workflow: its files in each version, and what changed from one to another.
import { at, get } from "../core/api";
import { useAnswer } from "../core/answer";
import { number, param, text } from "../core/router";
import { day } from "../core/words";
import { Code, languageOf } from "../parts/code";
import { Failed, Loading } from "../parts/state";
import { Changes } from "../compare/changes";
import type { Workflow } from "./kinds";

export interface Source {
  files: Record<string, string>;
  path: string;
  text: string | null;
  why: string;
}

const version = param("version", number);
const against = param("with", number);
const file = param("file", text);

export function SourceView({ versions }: { versions: readonly Workflow[] }) {
  const newest = versions.at(-1);
  const shown = version.value ?? newest?.version ?? 1;
  const name = `${newest?.name}@${shown}`;
  const source = useAnswer((signal) => get<Source>(at`/workflows/${name}/source`, { path: file.value || null }, signal), [name, file.value]);
  const other = against.value;
  const before = useAnswer(
    async (signal) => (other && source.value ? get<Source>(at`/workflows/${`${newest?.name}@${other}`}/source`, { path: source.value.path }, signal) : null),
    [other, source.value?.path, name],
  );
  if (source.error) return <Failed what="The code could not be read:" error={source.error} again={source.again} />;
  const found = source.value;
  if (!found) return <Loading />;
  const changed = before.value ? Object.keys({ ...before.value.files, ...found.files }).filter((each) => before.value?.files[each] !== found.files[each]) : [];
  return (
    <section>
      <div class="acts">
        <label>Version <select value={shown} onChange={(event) => { version.value = Number(event.currentTarget.value); }}>
          {[...versions].reverse().map((each) => <option key={each.version} value={each.version}>{each.version}, {day(each.created_at)}</option>)}
        </select></label>
        <label>File <select value={found.path} onChange={(event) => { file.value = event.currentTarget.value; }}>
          {Object.keys(found.files).sort().map((each) => <option key={each} value={each}>{each}</option>)}
        </select></label>
        {versions.length > 1 && (
          <label>Changes from <select value={other ?? 0} onChange={(event) => { against.value = Number(event.currentTarget.value) || null; }}>
            <option value={0}>none</option>
            {versions.filter((each) => each.version !== shown).map((each) => <option key={each.version} value={each.version}>version {each.version}</option>)}
          </select></label>
        )}
      </div>
      {other && before.value && <p class="i2">{changed.length ? `Changed: ${changed.join(", ")}.` : "Both versions have the same files."}</p>}
      {found.text === null ? <p class="i2">{found.why}</p> : other && before.value ? (
        <Changes before={before.value.text ?? ""} after={found.text} label={`${found.path}, version ${other} to ${shown}`} />
      ) : <Code text={found.text} language={languageOf(found.path)} first={1} />}
    </section>
  );
}
