// The highlighter with the four languages that workflows are written in; loaded apart from the page.
import core from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import yaml from "highlight.js/lib/languages/yaml";

for (const [name, of] of Object.entries({ bash, json, python, yaml })) core.registerLanguage(name, of);

/** Spans of the language's parts around the text, escaped. */
export function highlight(code: string, language: string): string {
  return core.highlight(code, { language, ignoreIllegals: true }).value;
}
