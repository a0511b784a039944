// Numbers, durations and times in words, the same everywhere on the page.

const THIN = "\u202f";
export const NONE = "–";

const two = (of: number) => String(of).padStart(2, "0");

/** A duration in at most two units: "640 ms", "2.4 s", "3 min 05 s", "1 h 01 min", "2 d 04 h". */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return NONE;
  const of = Math.max(0, seconds);
  if (of < 0.9995) return `${Math.round(of * 1000)} ms`;
  if (of < 9.95) return `${of.toFixed(1)} s`;
  const whole = Math.round(of);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
  return `${Math.floor(minutes / 1440)} d ${two(Math.floor((minutes % 1440) / 60))} h`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The day alone: "29 Nov", with the year where it is another one. */
export function day(at: number, now = Date.now() / 1000): string {
  const of = new Date(at * 1000);
  const year = of.getFullYear() === new Date(now * 1000).getFullYear() ? "" : ` ${of.getFullYear()}`;
  return `${of.getDate()} ${MONTHS[of.getMonth()]}${year}`;
}

/** The time of day: "14:26:44", or with `digits` of a second "14:26:44.871". */
export function clock(at: number, digits = 0): string {
  const of = new Date(at * 1000);
  const fraction = digits ? `.${String(Math.floor((at % 1) * 10 ** digits)).padStart(digits, "0")}` : "";
  return `${two(of.getHours())}:${two(of.getMinutes())}:${two(of.getSeconds())}${fraction}`;
}

/** A time: "14:26:44" today, "29 Nov 18:02" this year, "29 Nov 2025" else. */
export function time(at: number | null | undefined, now = Date.now() / 1000): string {
  if (at === null || at === undefined || !Number.isFinite(at)) return NONE;
  const of = new Date(at * 1000);
  const today = new Date(now * 1000);
  if (of.toDateString() === today.toDateString()) return clock(at);
  if (of.getFullYear() !== today.getFullYear()) return day(at, now);
  return `${day(at, now)} ${two(of.getHours())}:${two(of.getMinutes())}`;
}

/** The whole time with its zone, for titles and copies. */
export function iso(at: number | null | undefined): string {
  if (at === null || at === undefined || !Number.isFinite(at)) return "";
  const of = new Date(at * 1000);
  const minutes = -of.getTimezoneOffset();
  const zone = `${minutes < 0 ? "-" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
  return `${of.getFullYear()}-${two(of.getMonth() + 1)}-${two(of.getDate())}T${clock(at)}${zone}`;
}

/** A whole number with a narrow space every three digits. */
export function count(of: number): string {
  return String(Math.round(of)).replace(/\B(?=(\d{3})+$)/g, THIN);
}

/** Bytes, in powers of 1000: "4.1 MB". */
export function bytes(of: number | null | undefined): string {
  if (of === null || of === undefined || !Number.isFinite(of)) return NONE;
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let rest = of;
  let unit = 0;
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  return `${unit && rest < 99.5 ? rest.toFixed(1) : Math.round(rest)} ${units[unit]}`;
}

/** A share as per cent: "43 %". */
export function percent(of: number): string {
  return `${Math.floor(of * 100)} %`;
}

/** A figure of a metric, in at most five significant digits. */
export function figure(of: number | null | undefined): string {
  if (of === null || of === undefined) return NONE;
  if (Number.isInteger(of) && Math.abs(of) < 1e6) return count(of).replace(`-${THIN}`, "-");
  return String(Number(of.toPrecision(5)));
}

/** "1 run", "12 runs". */
export function many(of: number, one: string, more = `${one}s`): string {
  return `${count(of)} ${of === 1 ? one : more}`;
}

/** A value of JSON on one line, cut at `most` characters. */
export function inline(value: unknown, most = 200): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? NONE);
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

const VOICES: Record<string, string> = { python: "Python", orquestra: "Orquestra", yadage: "Yadage", aiflow: "AIFlow", spell: "Spell" };

/** A voice's name as it is written: "Orquestra". */
export const voiceName = (of: string) => VOICES[of] ?? of;
