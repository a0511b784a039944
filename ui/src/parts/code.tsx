// Source, highlighted: the highlighter's spans made anew as elements, so that nothing of it is ever read as markup.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

type Highlight = (code: string, language: string) => string;
let loaded: Promise<Highlight> | null = null;

/** The highlighter, loaded when it is first wanted. */
function highlighter(): Promise<Highlight> {
  loaded ??= import("./highlight").then((of) => of.highlight);
  return loaded;
}

const ENTITIES: Record<string, string> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#x27;": "'" };

/** What the highlighter gives, spans and five entities, as elements. What is anything else stands as text. */
export function elements(html: string): ComponentChildren[] {
  const stack: { kind: string; held: ComponentChildren[] }[] = [{ kind: "", held: [] }];
  for (const [each, kind, end, entity] of html.matchAll(/<span class="([\w\s-]*)">|(<\/span>)|(&(?:amp|lt|gt|quot|#x27);)|[^<&]+|[<&]/g)) {
    const top = stack.at(-1);
    if (!top) break;
    if (kind !== undefined) stack.push({ kind, held: [] });
    else if (end && stack.length > 1) {
      stack.pop();
      stack.at(-1)?.held.push(<span class={top.kind}>{top.held}</span>);
    } else top.held.push(entity ? ENTITIES[entity] : each);
  }
  return stack[0]?.held ?? [];
}

/** The language of a file, by its name. */
export function languageOf(file: string): string {
  const end = file.split(".").pop() ?? "";
  return ({ yaml: "yaml", yml: "yaml", json: "json", sh: "bash", bash: "bash" } as Record<string, string>)[end] ?? "python";
}

interface CodeOf {
  text: string;
  language?: string;
  /** the number of the first line; none are shown without */
  first?: number;
  /** the line that it is about */
  at?: number;
}

/** Source with numbers of its lines. It is shown at once, and highlighted when the highlighter is there. */
export function Code({ text, language = "python", first, at }: CodeOf) {
  const [highlight, setHighlight] = useState<{ of: Highlight } | null>(null);
  useEffect(() => { void highlighter().then((of) => setHighlight({ of })); }, []);
  const shown = (line: string) => (highlight ? elements(highlight.of(line, language)) : line);
  if (first === undefined) return <pre class="code">{shown(text)}</pre>;
  return (
    <div class="code" role="group" aria-label="Source" tabIndex={0}>
      {text.split("\n").map((line, index) => (
        <div key={index} class={first + index === at ? "source at" : "source"}>
          <span class="number">{first + index}</span><code>{shown(line)}</code>
        </div>
      ))}
    </div>
  );
}
