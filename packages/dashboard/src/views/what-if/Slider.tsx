// A slider over a list of values, with the value beside it.
import { useId } from "react";
import { nearestIndex } from "../../charts/lines.ts";

interface SliderProps {
  label: string;
  /** Ascending. */
  values: readonly number[];
  value: number;
  /** The value in words. */
  text: string;
  onChange: (value: number) => void;
}

export function Slider({ label, values, value, text, onChange }: SliderProps) {
  const id = useId();
  return (
    <div className="slider">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="range"
        min={0}
        max={values.length - 1}
        step={1}
        value={nearestIndex(values, value)}
        aria-valuetext={text}
        onChange={(event) => onChange(values[Number(event.target.value)]!)}
      />
      <output htmlFor={id}>{text}</output>
    </div>
  );
}
