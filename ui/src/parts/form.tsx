// A form from a JSON schema: one field a property, what it is for beside it, what is wrong with it below it.
import { useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Json } from "../core/types";
import { inline } from "../core/words";
import { Button } from "./controls";
import { BROKEN, LARGEST_FILE, filled, isObject, isOptional, kindOf, meant, parsed, words, type Schema, type Values } from "./schema";
import "../style/form.css";

interface FormOf {
  schema: Schema;
  /** what is filled in: {name: value}; a field that is empty is left out */
  value: Signal<Values>;
  /** what does not fit, by path: see `check` */
  problems: Signal<ReadonlyMap<string, string>>;
  /** begins the ids of the fields: two forms of a page have two */
  id: string;
  /** values to mark what is unlike them: of the run that is forked */
  was?: Values;
}

/** A signal for a form, filled with what is given and defaults. */
export function useForm(schema: Schema, given: Values = {}): { value: Signal<Values>; problems: Signal<ReadonlyMap<string, string>> } {
  const value = useSignal<Values>(filled(schema, given));
  const problems = useSignal<ReadonlyMap<string, string>>(new Map());
  return { value, problems };
}

/** The fields. What does not fit is told in `problems`, by whoever sends it: `problems.value = check(schema, value)`. */
export function SchemaForm({ schema, value, problems, id, was }: FormOf) {
  const names = Object.keys(meant(schema).properties ?? {});
  const first = [...problems.value.keys()][0];
  useEffect(() => {
    if (first) document.getElementById(`${id}-${first}`)?.focus();
  }, [problems.value]);
  if (!names.length) return <p class="i2">Nothing is to be filled in.</p>;
  return (
    <div class="form">
      <Fields
        schema={schema} root={schema} value={value.value} path="" id={id} problems={problems.value} was={was}
        onChange={(to) => { value.value = to; }}
      />
    </div>
  );
}

interface FieldsOf {
  schema: Schema;
  root: Schema;
  value: Values;
  path: string;
  id: string;
  problems: ReadonlyMap<string, string>;
  was?: Values | undefined;
  onChange: (value: Values) => void;
}

function Fields({ schema, root, value, path, id, problems, was, onChange }: FieldsOf) {
  const of = meant(schema, root);
  const put = (name: string, to: Json | undefined) => {
    const changed = { ...value };
    if (to === undefined) delete changed[name];
    else changed[name] = to;
    onChange(changed);
  };
  return (
    <>
      {Object.entries(of.properties ?? {}).map(([name, each]) => (
        <Field
          key={name} name={name} given={each} root={root} value={value[name]} path={path ? `${path}.${name}` : name} id={id}
          needed={of.required?.includes(name) ?? false} problems={problems} was={was?.[name]} onChange={(to) => put(name, to)}
        />
      ))}
    </>
  );
}

interface FieldOf {
  name: string;
  given: Schema;
  root: Schema;
  value: Json | undefined;
  path: string;
  id: string;
  needed: boolean;
  problems: ReadonlyMap<string, string>;
  was?: Json | undefined;
  onChange: (value: Json | undefined) => void;
}

function Field(of: FieldOf) {
  const { name, given, root, value, path, id, needed, problems, was } = of;
  const schema = { ...meant(given, root), ...(given.description ? { description: given.description } : {}) };
  const kind = kindOf(schema, root);
  const here = `${id}-${path}`;
  const why = problems.get(path);
  const several = kind === "boolean" || (kind === "choice" && (schema.enum?.length ?? 1) <= 5) || kind === "object" || kind === "list";
  const told = [
    words(schema, root), needed ? "needed" : isOptional(given) ? "may be empty" : "",
    schema.default === undefined || kind === "object" ? "" : `else ${inline(schema.default, 60)}`,
    was === undefined || JSON.stringify(was) === JSON.stringify(value) ? "" : `was ${inline(was, 60)}`,
  ].filter(Boolean).join(", ");
  const about = { "aria-describedby": `${here}-told${why ? ` ${here}-why` : ""}`, "aria-invalid": why ? (true as const) : undefined };
  const control = <Control {...of} given={schema} here={here} kind={kind} about={about} />;
  const head = <><b>{schema.title ?? name}</b>{schema.title && schema.title.toLowerCase() !== name.toLowerCase() && <code class="i3"> {name}</code>}</>;
  const notes = (
    <>
      <span class="i3 told" id={`${here}-told`}>{told}</span>
      {schema.description && <span class="i2 doc">{schema.description}</span>}
    </>
  );
  return (
    <div class={`field${was !== undefined && JSON.stringify(was) !== JSON.stringify(value) ? " unlike" : ""}`}>
      {several ? (
        <fieldset id={here} tabIndex={-1} {...about}><legend>{head} {notes}</legend>{control}</fieldset>
      ) : (
        <><label for={here}>{head} {notes}</label>{control}</>
      )}
      {why && <p class="t-failed why" id={`${here}-why`}>{why}</p>}
    </div>
  );
}

type ControlOf = FieldOf & { here: string; kind: ReturnType<typeof kindOf>; about: Record<string, unknown> };

function Control(of: ControlOf) {
  const { given: schema, value, onChange, here, kind, about } = of;
  switch (kind) {
    case "boolean": return <Radios name={here} options={[[true, "Yes"], [false, "No"]]} value={value} onChange={onChange} />;
    case "choice": return <Choice {...of} />;
    case "object":
      return <div class="inner"><Fields {...of} schema={schema} value={isObject(value) ? value : {}} was={isObject(of.was) ? of.was : undefined} onChange={onChange} /></div>;
    case "list": return <List {...of} />;
    case "file": return <File {...of} />;
    case "number":
    case "integer":
      return (
        <input
          type="number" id={here} value={typeof value === "number" ? value : ""} min={schema.minimum} max={schema.maximum}
          step={kind === "integer" ? (schema.multipleOf ?? 1) : "any"} {...about}
          onInput={(event) => onChange(event.currentTarget.value === "" ? undefined : event.currentTarget.valueAsNumber)}
        />
      );
    case "json": return <Written {...of} />;
    default:
      return (schema.maxLength ?? 0) > 200 || (typeof value === "string" && value.includes("\n")) ? (
        <textarea id={here} rows={4} value={String(value ?? "")} {...about} onInput={(event) => onChange(event.currentTarget.value)} />
      ) : (
        <input type="text" id={here} value={String(value ?? "")} maxLength={schema.maxLength} {...about}
          onInput={(event) => onChange(event.currentTarget.value === "" && !of.needed ? undefined : event.currentTarget.value)} />
      );
  }
}

function Radios({ name, options, value, onChange }: {
  name: string;
  options: readonly (readonly [Json, string])[];
  value: Json | undefined;
  onChange: (value: Json) => void;
}) {
  return (
    <div class="radios">
      {options.map(([each, told]) => (
        <label key={told}>
          <input type="radio" name={name} checked={JSON.stringify(each) === JSON.stringify(value)} onChange={() => onChange(each)} /> {told}
        </label>
      ))}
    </div>
  );
}

function Choice({ given: schema, value, onChange, here, about }: ControlOf) {
  const choices = schema.enum ?? [schema.const ?? null];
  if (choices.length <= 5) return <Radios name={here} options={choices.map((each) => [each, inline(each)] as const)} value={value} onChange={onChange} />;
  const at = choices.findIndex((each) => JSON.stringify(each) === JSON.stringify(value));
  return (
    <select id={here} value={at} {...about} onChange={(event) => onChange(choices[Number(event.currentTarget.value)])}>
      {at < 0 && <option value={-1}>–</option>}
      {choices.map((each, index) => <option key={inline(each)} value={index}>{inline(each)}</option>)}
    </select>
  );
}

function List(of: ControlOf) {
  const { given: schema, value, onChange, path } = of;
  const there = Array.isArray(value) ? value : [];
  const item = meant(schema.items ?? {}, of.root);
  const put = (index: number, to: Json | undefined) => onChange(there.map((each, at) => (at === index ? (to ?? null) : each)));
  const blank: Json = item.default ?? ({ text: "", boolean: false, object: {}, list: [] } as Record<string, Json>)[kindOf(item, of.root)] ?? null;
  return (
    <div class="inner">
      {there.map((each, index) => (
        <div class="row item" key={index}>
          <div class="grow"><Field {...of} given={item} name={`${index + 1}`} value={each} was={undefined} needed={false} path={`${path}[${index}]`} onChange={(to) => put(index, to)} /></div>
          <Button plain icon="close" label={`Remove ${index + 1}`} onClick={() => onChange(there.filter((_, at) => at !== index))} />
        </div>
      ))}
      <Button icon="plus" onClick={() => onChange([...there, blank])}>Add</Button>
    </div>
  );
}

function File({ here, about, onChange }: ControlOf) {
  const told = useSignal("");
  const read = async (file: Blob | undefined) => {
    told.value = "";
    if (!file) return onChange(undefined);
    if (file.size > LARGEST_FILE) {
      told.value = "It is too large to be sent with an answer: give its path instead.";
      return undefined;
    }
    const bytes = new Uint8Array(await file.arrayBuffer());
    let text = "";
    for (const each of bytes) text += String.fromCharCode(each);
    return onChange(btoa(text));
  };
  return (
    <>
      <input type="file" id={here} {...about} onChange={(event) => void read(event.currentTarget.files?.[0])} />
      {told.value && <p class="t-failed why">{told.value}</p>}
    </>
  );
}

/** A value that has no form of its own: written as JSON, and looked at while it is. */
function Written({ value, onChange, here, about }: ControlOf) {
  const text = useSignal(value === undefined ? "" : JSON.stringify(value, null, 1));
  return (
    <>
      <textarea
        id={here} class="mono" rows={Math.min(8, text.value.split("\n").length + 1)} value={text.value} spellcheck={false} {...about}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          onChange(text.value.trim() ? parsed(text.value) : undefined);
        }}
      />
      {value === BROKEN && <p class="t-retrying why">This is no JSON yet.</p>}
    </>
  );
}
