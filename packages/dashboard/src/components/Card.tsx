// A card: a noun, a sentence that says what the data says now, the chart, and quiet actions.
import { type ReactNode, useRef } from "react";
import { FullScreen } from "../charts/full-screen.ts";
import { CardActions } from "./CardActions.tsx";
import { Sentence } from "./Sentence.tsx";
import { useFullScreen } from "./use-full-screen.ts";
import "./card.css";

export interface CardProps {
  title: ReactNode;
  /** Plain form of the title, for names of files and of actions. */
  name: string;
  sentence: string;
  /** Rows of the data behind the chart, first the header; made when asked for. */
  table?: () => (string | number)[][];
  /** Paths of the requests behind the chart, as `historyPath` makes them. */
  requests?: readonly string[];
  /** Choices that belong to this card. */
  controls?: ReactNode;
  /** A standalone SVG of its own, instead of a picture of the card. */
  svg?: () => string;
  children: ReactNode;
}

export function Card(props: CardProps) {
  const { title, name, sentence, controls, children } = props;
  const ref = useRef<HTMLElement>(null);
  const [full, toggleFull] = useFullScreen(ref);
  return (
    <section className={full ? "card full" : "card"} ref={ref} aria-label={name}>
      <header>
        <div className="card-head">
          <h2>{title}</h2>
          <CardActions {...props} card={ref} full={full} toggleFull={toggleFull} />
        </div>
        <p className="card-sentence" data-testid="sentence">
          <Sentence text={sentence} />
        </p>
        {controls && <div className="card-controls">{controls}</div>}
      </header>
      <div className="card-body" data-card-body>
        <FullScreen value={full}>{children}</FullScreen>
      </div>
    </section>
  );
}
