// A button that opens a small panel under it; Escape and a click elsewhere close it.
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import "./menu.css";

interface MenuProps {
  /** On the button. */
  text: ReactNode;
  title?: string;
  /** For those who do not see the panel. */
  label: string;
  /** Of the button; default: a quiet one. */
  className?: string;
  children: (close: () => void) => ReactNode;
}

export function Menu({ text, title, label, className = "button quiet", children }: MenuProps) {
  const [open, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => {
    if (!open) return;
    const onPointerDown = (event: Event) => {
      if (!place.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", onPointerDown);
    return () => document.removeEventListener("pointerdown", onPointerDown);
  }, [open]);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape is heard wherever the focus is within
    <div
      ref={place}
      className="menu"
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !open) return;
        event.stopPropagation();
        close();
      }}
    >
      <button
        ref={button}
        type="button"
        className={className}
        title={title}
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        {text}
      </button>
      {open && (
        <section className="menu-panel" id={id} aria-label={label}>
          {children(close)}
        </section>
      )}
    </div>
  );
}
