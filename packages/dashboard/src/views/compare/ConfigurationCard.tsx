// A table of what the compared runs are configured differently in.
import { useMemo } from "react";
import { Card } from "../../components/Card.tsx";
import { plural } from "../../format/sentence.ts";
import type { Arm } from "./arms.ts";
import { type ConfigurationModel, configurationModel, configurationTable } from "./configuration-model.ts";

export function ConfigurationCard({ arms, baseline }: { arms: readonly Arm[]; baseline: Arm | undefined }) {
  const model = useMemo(() => configurationModel(arms, baseline), [arms, baseline]);
  return (
    <Card
      title="Configuration"
      name="Configuration"
      sentence={model.sentence}
      table={() => configurationTable(model)}
      requests={["/api/v1/runs"]}
    >
      {model.rows.length > 0 && <ConfigurationTable model={model} />}
    </Card>
  );
}

function ConfigurationTable({ model: { columns, rows } }: { model: ConfigurationModel }) {
  const ids = columns.map(({ runs }) => runs.join(" "));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys
    <section className="configuration" aria-label="Differences of configuration" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">key</th>
            {columns.map(({ arm, seeds }, place) => (
              <th key={ids[place]} scope="col">
                <span data-export="text">{arm.name}</span>
                <small data-export="text">
                  {seeds.length === 1 ? `seed ${seeds[0]}` : `${plural(seeds.length, "run")}, seeds ${seeds.join(" ")}`}
                </small>
                {place === 0 && <small data-export="text">what the others are set against</small>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, values }) => (
            <tr key={key}>
              <th scope="row" data-export="text">
                {key}
              </th>
              {values.map((value, place) => (
                <td
                  key={ids[place]}
                  className={value === undefined || (place > 0 && value === values[0]) ? "same" : undefined}
                  data-export="text"
                >
                  {value ?? "–"}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
