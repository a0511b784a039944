// Buttons, segments and menus: what every page is steered by.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { voiceName } from "../core/words";
import { Icon, type IconName } from "./icons";

interface ButtonOf {
  children?: ComponentChildren;
  icon?: IconName;
  /** the one act that is likely next */
  primary?: boolean;
  /** without a border */
  plain?: boolean;
  /** the name of a button that has no words */
  label?: string;
  title?: string;
  disabled?: boolean;
  pressed?: boolean;
  onClick?: (event: MouseEvent) => void;
}

/** A button: an icon, words, or both. */
export function Button({ children, icon, primary, plain, label, title, disabled, pressed, onClick }: ButtonOf) {
  const kind = `button${primary ? " primary" : ""}${plain ? " plain" : ""}${children ? "" : " bare"}`;
  return (
    <button
      type="button" class={kind} aria-label={label} title={title ?? label} disabled={disabled} aria-pressed={pressed}
      onClick={onClick}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

/** A choice of few: one is pressed. */
export function Segments<T extends string>({ label, options, value, onChange }: {
  label: string;
  options: readonly (readonly [T, string])[];
  value: T;
  onChange: (value: T) => void;
}) {
  return (
    <div class="segments" role="group" aria-label={label}>
      {options.map(([each, words]) => (
        <button key={each} type="button" aria-pressed={each === value} onClick={() => onChange(each)}>
          {words}
        </button>
      ))}
    </div>
  );
}

/** A button that shows more acts below it; Escape and any click elsewhere close it. */
export function Menu({ label, icon = "more", children }: { label: string; icon?: IconName; children: ComponentChildren }) {
  const [open, setOpen] = useState(false);
  const here = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const away = (event: Event) => {
      if (event instanceof KeyboardEvent ? event.key === "Escape" : !here.current?.contains(event.target as Node)) {
        setOpen(false);
        if (event instanceof KeyboardEvent) event.stopPropagation();
      }
    };
    addEventListener("pointerdown", away, true);
    addEventListener("keydown", away, true);
    return () => {
      removeEventListener("pointerdown", away, true);
      removeEventListener("keydown", away, true);
    };
  }, [open]);
  return (
    <div class="menu" ref={here}>
      <button type="button" class="button bare" aria-label={label} title={label} aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name={icon} />
      </button>
      {open && <div class="menu-list" onClick={() => setOpen(false)}>{children}</div>}
    </div>
  );
}

/** A button that copies a command line, and says that it has. */
export function Copy({ text, children = "Copy command" }: { text: string; children?: ComponentChildren }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(text);
    setDone(true);
    setTimeout(() => setDone(false), 2000);
  };
  return (
    <Button plain icon="copy" title={text} onClick={() => void copy()}>
      {done ? "Copied" : children}
    </Button>
  );
}

/** A voice's name in a hairline tag. */
export function Voice({ name }: { name: string }) {
  return name ? <span class="voice">{voiceName(name)}</span> : null;
}
