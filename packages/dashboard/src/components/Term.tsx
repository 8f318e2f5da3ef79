// A word that explains itself when pointed at or focused.
import { type ReactNode, useId } from "react";
import { TERMS, type TermName } from "./terms.ts";
import "./term.css";

export function Term({ name, children }: { name: TermName; children?: ReactNode }) {
  return <Explained text={TERMS[name]}>{children ?? name}</Explained>;
}

/** Any words, with an explanation. */
export function Explained({
  text,
  children,
  className = "",
}: {
  text: string;
  children: ReactNode;
  className?: string;
}) {
  const id = useId();
  return (
    <span className="term">
      {/* A button, so that the explanation can be reached without a mouse. */}
      <button type="button" className={className} aria-describedby={id}>
        {children}
      </button>
      <span className="term-text" role="tooltip" id={id}>
        {text}
      </span>
    </span>
  );
}
