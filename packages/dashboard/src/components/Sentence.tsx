// A sentence of a pure model. That something is loading is said only after a while.
import { LOADING } from "../data/arrival.ts";
import "./notice.css";

export function Sentence({ text }: { text: string }) {
  return text === LOADING ? <span className="late">{text}</span> : text;
}
