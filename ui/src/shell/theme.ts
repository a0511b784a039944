// Light or dark: as the system says, or as was chosen here, kept on this machine.
import { signal } from "@preact/signals";

export type Theme = "light" | "dark";
const KEPT = "motet-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

const kept = (): Theme | null => {
  const found = localStorage.getItem(KEPT);
  return found === "light" || found === "dark" ? found : null;
};
const wanted = (): Theme => kept() ?? (system.matches ? "dark" : "light");

/** The theme that holds; canvases read their colours again when it changes. */
export const theme = signal<Theme>(wanted());

function show(): void {
  theme.value = wanted();
  document.documentElement.className = theme.value;
}

/** Show the theme from now on; called once, before anything is drawn. */
export function start(): void {
  show();
  system.addEventListener("change", show);
}

/** The other one; what the system says anyway is not kept. */
export function toggle(): void {
  const other: Theme = theme.peek() === "dark" ? "light" : "dark";
  if (other === (system.matches ? "dark" : "light")) localStorage.removeItem(KEPT);
  else localStorage.setItem(KEPT, other);
  show();
}
