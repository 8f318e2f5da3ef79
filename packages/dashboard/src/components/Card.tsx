// A card: a noun, a sentence that says what the data says now, the chart, and quiet actions.
import { useRef } from "react";
import { FullScreen } from "../charts/full-screen.ts";
import { CardActions } from "./CardActions.tsx";
import type { CardProps } from "./card-props.ts";
import { Sentence } from "./Sentence.tsx";
import { useFullScreen } from "./use-full-screen.ts";
import "./card.css";

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
