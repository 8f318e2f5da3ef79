// A report of one run as one page that needs nothing else: no script, no request, its data in it.
import type { ReactElement, ReactNode } from "react";
import { LAYER_COLUMNS } from "./report-facts.ts";
import type { ReportFigure, ReportModel } from "./report-model.ts";
import { REPORT_STYLE } from "./report-style.ts";

/** Whatever a name in the data holds, the page asks for nothing and runs nothing. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** @param made when the report was made, in words */
export function RunReport({ model, made }: { model: ReportModel; made: string }): ReactElement {
  const { name, notes, verdict, sentence, facts, alerts, balance, layers, window, categories, attention } = model;
  const sections = [
    { id: "notes", title: "Notes", isThere: notes !== "" },
    { id: "balance", title: "Balance", isThere: balance.length > 0 || layers.length > 0 },
    { id: "categories", title: "Categories", isThere: categories.length > 0 },
    { id: "attention", title: "Attention and routers", isThere: attention.length > 0 },
    { id: "alerts", title: "Alerts", isThere: true },
    { id: "configuration", title: "Configuration", isThere: true },
  ].filter(({ isThere }) => isThere);
  const title = (id: string) => <h2 id={id}>{sections.find((section) => section.id === id)?.title}</h2>;
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <meta httpEquiv="Content-Security-Policy" content={POLICY} />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${name} · moescope report`}</title>
        {/* biome-ignore lint/security/noDangerouslySetInnerHtml: a text of this package */}
        <style dangerouslySetInnerHTML={{ __html: REPORT_STYLE }} />
      </head>
      <body>
        <main>
          <header>
            <h1>{name}</h1>
            <p>
              <strong>{verdict}</strong>. {sentence}
            </p>
            <nav>
              {sections.map(({ id, title: text }) => (
                <a key={id} href={`#${id}`}>
                  {text}
                </a>
              ))}
            </nav>
          </header>
          <dl>
            {facts.map(([fact, value]) => (
              <div key={fact}>
                <dt>{fact}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
          {notes !== "" && title("notes")}
          {notes !== "" && <p className="notes">{notes}</p>}
          {(balance.length > 0 || layers.length > 0) && title("balance")}
          <div className="pair">
            <Figures figures={balance} />
          </div>
          {layers.length > 0 && <Layers rows={layers} window={window} />}
          {categories.length > 0 && title("categories")}
          <Figures figures={categories} />
          {attention.length > 0 && title("attention")}
          <Figures figures={attention} />
          {title("alerts")}
          <Alerts alerts={alerts} />
          {title("configuration")}
          <ul className="configuration">
            {model.configuration.map(([path, value]) => (
              <li key={path}>
                <span>{path} = </span>
                {value}
              </li>
            ))}
          </ul>
          <footer>{`Made by moescope, ${made}. Every figure holds its data as CSV.`}</footer>
        </main>
      </body>
    </html>
  );
}

function Figures({ figures }: { figures: readonly ReportFigure[] }): ReactNode {
  return figures.map(({ name, sentence, drawing, csv }) => (
    <figure key={name} id={name}>
      <figcaption>
        <span>{sentence}</span>
        <a
          className="download"
          download={`${name}.csv`}
          href={`data:text/csv;charset=utf-8,${encodeURIComponent(csv)}`}
        >
          CSV
        </a>
      </figcaption>
      <div className="sheet">{drawing}</div>
    </figure>
  ));
}

function Layers({ rows, window }: { rows: readonly string[][]; window: string }): ReactElement {
  return (
    <figure id="layers">
      <figcaption>
        <span>{`Each layer, ${window} added up. Global: of the added counts.`}</span>
      </figcaption>
      <div className="table">
        <table>
          <thead>
            <tr>
              {LAYER_COLUMNS.map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row[0]}>
                {row.map((text, place) => (
                  <td key={LAYER_COLUMNS[place]}>{text}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </figure>
  );
}

function Alerts({ alerts }: Pick<ReportModel, "alerts">): ReactElement {
  if (alerts.length === 0)
    return <p>None: no collapse, dead experts, dropped tokens, silence, or loss that is not a number.</p>;
  return (
    <ul className="alerts">
      {alerts.map(({ rule, message, end, over }) => (
        <li key={`${rule} ${message}`} className={over ? "over" : undefined}>
          {message} <small>{`${rule}, ${end}`}</small>
        </li>
      ))}
    </ul>
  );
}
