// Choices: a few side by side, many in a list, one switch.
import type { ReactNode } from "react";
import "./controls.css";

export interface Choice<T> {
  value: T;
  text: string;
}

/** A few choices side by side: radio buttons in looks and keys. */
export function Segmented<T extends string>({
  label,
  value,
  choices,
  onChange,
}: {
  label: string;
  value: T;
  choices: readonly Choice<T>[];
  onChange: (value: T) => void;
}) {
  return (
    <fieldset className="segmented">
      <legend className="visually-hidden">{label}</legend>
      {choices.map((choice) => (
        <label key={choice.value} className={choice.value === value ? "chosen" : undefined}>
          <input type="radio" name={label} checked={choice.value === value} onChange={() => onChange(choice.value)} />
          {choice.text}
        </label>
      ))}
    </fieldset>
  );
}

/** Many choices in the system's own list. */
export function Select({
  label,
  value,
  choices,
  onChange,
}: {
  label: string;
  value: string;
  choices: readonly Choice<string>[];
  onChange: (value: string) => void;
}) {
  return (
    <label className="select">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.target.value)}>
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.text}
          </option>
        ))}
      </select>
    </label>
  );
}

/** On or off. */
export function Switch({
  on,
  onChange,
  children,
  title,
}: {
  on: boolean;
  onChange: (on: boolean) => void;
  children: ReactNode;
  title?: string;
}) {
  return (
    <button
      type="button"
      className="switch"
      role="switch"
      aria-checked={on}
      title={title}
      onClick={() => onChange(!on)}
    >
      <i aria-hidden="true" />
      {children}
    </button>
  );
}
