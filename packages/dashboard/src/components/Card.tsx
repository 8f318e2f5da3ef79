// A card: a noun, a sentence that says what the data says now, the chart, and quiet actions.
import { type ReactNode, useRef, useState } from "react";
import { cardToPng, cardToSvg } from "../export/card-picture.ts";
import { saveCsv, saveText } from "../export/save.ts";
import { Sentence } from "./Sentence.tsx";
import "./card.css";

export interface CardProps {
  title: ReactNode;
  /** Plain form of the title, for names of files and of actions. */
  name: string;
  sentence: string;
  /** Rows of the data behind the chart, first the header; made when asked for. */
  table?: () => (string | number)[][];
  /** Choices that belong to this card. */
  controls?: ReactNode;
  /** A standalone SVG of its own, instead of a picture of the card. */
  svg?: () => string;
  children: ReactNode;
}

export function Card({ title, name, sentence, table, controls, svg, children }: CardProps) {
  const ref = useRef<HTMLElement>(null);
  const [problem, setProblem] = useState<string>();
  const file = `moescope-${name.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`;
  const picture = () => svg?.() ?? cardToSvg(ref.current!, name, sentence);
  const save = (action: () => void | Promise<void>) => async () => {
    try {
      setProblem(undefined);
      await action();
    } catch (error) {
      setProblem(`The file could not be made: ${error instanceof Error ? error.message : error}`);
    }
  };
  return (
    <section className="card" ref={ref} aria-label={name}>
      <header>
        <div className="card-head">
          <h2>{title}</h2>
          <fieldset className="card-actions" aria-label={`Save ${name}`}>
            <button type="button" onClick={save(() => saveText(picture(), `${file}.svg`, "image/svg+xml"))}>
              SVG
            </button>
            <button type="button" onClick={save(() => cardToPng(picture(), `${file}.png`))}>
              PNG
            </button>
            {table && (
              <button type="button" onClick={save(() => saveCsv(table(), `${file}.csv`))}>
                CSV
              </button>
            )}
          </fieldset>
        </div>
        <p className="card-sentence" data-testid="sentence">
          <Sentence text={sentence} />
        </p>
        {controls && <div className="card-controls">{controls}</div>}
        {problem && (
          <p className="card-problem" role="alert">
            {problem}
          </p>
        )}
      </header>
      <div className="card-body" data-card-body>
        {children}
      </div>
    </section>
  );
}
