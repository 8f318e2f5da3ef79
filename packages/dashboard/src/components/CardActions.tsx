// What every card can do: save its picture and its data, fill the screen, show the requests behind it.
import { type RefObject, useState } from "react";
import { cardToPng, cardToSvg } from "../export/card-picture.ts";
import { saveCsv, saveText } from "../export/save.ts";
import { CopyButton } from "./CopyButton.tsx";
import type { CardProps } from "./card-props.ts";
import { Menu } from "./Menu.tsx";

interface CardActionsProps extends CardProps {
  card: RefObject<HTMLElement | null>;
  full: boolean;
  toggleFull: () => Promise<void>;
}

export function CardActions({ name, sentence, table, svg, requests = [], card, full, toggleFull }: CardActionsProps) {
  const [problem, setProblem] = useState<string>();
  const file = `moescope-${name.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`;
  const picture = () => svg?.() ?? cardToSvg(card.current!, name, sentence);
  const trying = (what: string, action: () => void | Promise<void>) => async () => {
    try {
      setProblem(undefined);
      await action();
    } catch (error) {
      setProblem(`${what}: ${error instanceof Error ? error.message : error}`);
    }
  };
  const save = (action: () => void | Promise<void>) => trying("The file could not be made", action);
  return (
    <div>
      <fieldset className="card-actions" aria-label={`Actions of ${name}`}>
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
        {requests.length > 0 && (
          <Menu text="Query" label={`Requests behind ${name}`} className="">
            {() => <Requests requests={requests} />}
          </Menu>
        )}
        <button
          type="button"
          aria-pressed={full}
          onClick={trying("The browser does not let the card fill the screen", toggleFull)}
        >
          {full ? "Close" : "Full screen"}
        </button>
      </fieldset>
      {problem && (
        <p className="card-problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}

/** The requests behind a card. Opened in a browser they answer with JSON. */
function Requests({ requests }: { requests: readonly string[] }) {
  const addresses = requests.map((path) => location.origin + path);
  return (
    <div className="card-requests">
      <p>This card shows the answers of:</p>
      <ul>
        {addresses.map((address) => (
          <li key={address}>
            <a href={address} target="_blank" rel="noreferrer">
              {address}
            </a>
          </li>
        ))}
      </ul>
      <CopyButton text={() => addresses.join("\n")}>Copy</CopyButton>
    </div>
  );
}
