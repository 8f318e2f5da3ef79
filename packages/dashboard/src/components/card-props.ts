// What a card shows and can do.
import type { ReactNode } from "react";

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
