// The page's own icons: a 16-unit box, drawn in the colour of the text. Beside a word, or with a name of their own.

const PATHS = {
  find: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM10.4 10.4 14 14",
  fork: "M4.5 2v12M4.5 9c0-3 7-2 7-6M9.4 4.6l2.1-2.1 2.1 2.1",
  stop: "M4 4h8v8H4Z",
  play: "M5 3.5v9l7-4.5Z",
  retry: "M12.6 5A5.4 5.4 0 1 0 13.4 8M13 2.4V5.4H10",
  close: "M4 4l8 8M12 4l-8 8",
  copy: "M5.5 5.5h8v8h-8ZM2.5 10.5v-8h8",
  save: "M8 2v8M4.8 7 8 10.2 11.2 7M3 13.5h10",
  log: "M3 4h10M3 7h7M3 10h10M3 13h5",
  open: "M9 3h4v4M13 3 7.5 8.5M11 9.5V13H3V5h3.5",
  fit: "M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3",
  compare: "M3.5 6h9M3.5 10h9",
  plus: "M8 3.5v9M3.5 8h9",
  minus: "M3.5 8h9",
  left: "M10 3.5 5.5 8l4.5 4.5",
  right: "M6 3.5 10.5 8 6 12.5",
  down: "M3.5 6 8 10.5 12.5 6",
  event: "M3 6.5v3h2.5L10 12.2V3.8L5.5 6.5ZM12.6 6v4",
  yes: "M3.5 8.5 6.6 11.5 12.5 4.8",
  more: "M3.5 8h.1M8 8h.1M12.5 8h.1",
  light: "M8 5.2A2.8 2.8 0 1 1 7.99 5.2ZM8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9",
  dark: "M13 9.6A5.6 5.6 0 0 1 6.4 3 5.6 5.6 0 1 0 13 9.6Z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, label, size = 14 }: { name: IconName; label?: string; size?: number }) {
  const named = label ? { role: "img" as const, "aria-label": label } : { "aria-hidden": true as const };
  return (
    <svg
      class="icon" width={size} height={size} viewBox="0 0 16 16" fill="none" stroke="currentColor"
      stroke-width={name === "more" ? 2.4 : 1.5} stroke-linecap="round" stroke-linejoin="round" {...named}
    >
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The name mark: four voices of unlike length over one thick line, the tenor. */
export function NameMark() {
  return (
    <svg width={20} height={20} viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-linecap="round" aria-hidden>
      <path d="M3 3.5h6M6.5 7h9.5M3 10.4h7.5M9 13.6h7" stroke-width="1.5" />
      <path d="M2.5 17.2h15" stroke-width="2.6" />
    </svg>
  );
}
