// Lines as terminals mean them: colours and bold as parts of text, progress in its last state, nothing that steers.

/** A stretch of text with one look: a status whose colour it has, bold or not. */
export interface Part {
  text: string;
  colour: string;
  bold: boolean;
}

// Black and white are the text's own; the six others are those of statuses.
const COLOURS = ["", "failed", "succeeded", "retrying", "running", "waiting", "cached", ""];
// A sequence of any kind: CSI, OSC and their like up to their ends, or two characters.
const ESCAPE = /\x1b(?:\[([0-?]*)[ -/]*([@-~])|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~]?)|\x9b[0-?]*[ -/]*[@-~]/g;
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** The picture of a control character: a sign for each of the first, a code for the rest. */
function pictured(of: string): string {
  const code = of.charCodeAt(0);
  if (code < 32) return String.fromCharCode(0x2400 + code);
  return code === 127 ? "\u2421" : `<${code.toString(16)}>`;
}

/** What there is of a line that drew itself anew: its last state. */
export function lastState(text: string): string {
  const ended = text.replace(/\r+$/, "");
  return ended.slice(ended.lastIndexOf("\r") + 1);
}

/** The parts of a line. All escapes but those of colour and weight are dropped, control characters shown as pictures. */
export function parts(text: string): Part[] {
  const line = lastState(text);
  const found: Part[] = [];
  let colour = "";
  let bold = false;
  let from = 0;
  const add = (to: number) => {
    const plain = line.slice(from, to).replace(CONTROL, pictured);
    const last = found.at(-1);
    if (!plain) return;
    if (last && last.colour === colour && last.bold === bold) last.text += plain;
    else found.push({ text: plain, colour, bold });
  };
  for (const each of line.matchAll(ESCAPE)) {
    add(each.index);
    from = each.index + each[0].length;
    if (each[2] !== "m") continue;
    const codes = (each[1] || "0").split(/[;:]/).map(Number);
    for (let index = 0; index < codes.length; index++) {
      const code = codes[index] ?? 0;
      if (code === 0) [colour, bold] = ["", false];
      else if (code === 1) bold = true;
      else if (code === 22) bold = false;
      else if (code === 39) colour = "";
      else if (code === 38 || code === 48) {
        const [kind, of] = [codes[index + 1], codes[index + 2] ?? 0];
        if (code === 38) colour = kind === 5 && of < 16 ? (COLOURS[of % 8] ?? "") : "";
        index += kind === 2 ? 4 : 2;
      } else if ((code >= 30 && code < 38) || (code >= 90 && code < 98)) colour = COLOURS[code % 10] ?? "";
    }
  }
  add(line.length);
  return found;
}

/** The same parts with what is looked for set apart: [text, hit] pairs in order, for one part. */
export function hits(text: string, wanted: string): [string, boolean][] {
  if (!wanted) return [[text, false]];
  return text.split(wanted).flatMap((each, index): [string, boolean][] => (index ? [[wanted, true], [each, false]] : [[each, false]]))
    .filter(([each]) => each);
}
