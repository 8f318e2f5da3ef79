// A table of every measure of every arm, at the step cursor or at its end, lowest or highest.
import { useMemo } from "react";
import type { Numbers } from "../../address/address.ts";
import { navigate } from "../../address/use-address.ts";
import { Card } from "../../components/Card.tsx";
import { Segmented } from "../../components/controls.tsx";
import { plural } from "../../format/sentence.ts";
import { armColour } from "./arms.ts";
import type { ComparedProps } from "./compared-props.ts";
import type { Measure } from "./measures.ts";
import { differenceText, type NumbersModel, numbersModel, numbersTable, numberText } from "./numbers-model.ts";

const WHICH: readonly { value: Numbers; text: string }[] = [
  { value: "cursor", text: "At the cursor" },
  { value: "last", text: "Last" },
  { value: "lowest", text: "Lowest" },
  { value: "highest", text: "Highest" },
];

export function NumbersCard({
  scene,
  compared,
  arms,
  pair,
  measures,
}: ComparedProps & { measures: readonly Measure[] }) {
  const { address, cursor } = scene;
  const { histories, evaluations, arrival } = compared;
  const { baseline } = pair;
  const model = useMemo(
    () => numbersModel({ arms, baseline, histories, evaluations, arrival }, measures, address.numbers, cursor.step),
    [arms, baseline, histories, evaluations, arrival, measures, address.numbers, cursor.step],
  );
  return (
    <Card
      title="Numbers"
      name="Numbers"
      sentence={model.sentence}
      table={() => numbersTable(model)}
      requests={compared.requests}
      controls={
        <Segmented<Numbers>
          label="Which numbers"
          value={address.numbers}
          choices={WHICH}
          onChange={(numbers) => navigate({ numbers })}
        />
      }
    >
      <NumbersTable model={model} />
      <p className="compare-note" data-export="text">
        {baseline === undefined
          ? "Mean and standard deviation of the runs of each arm; bold: the lowest."
          : `Mean and standard deviation of the runs of each arm; bold: the lowest; below: less ${baseline.name}.`}
      </p>
    </Card>
  );
}

function NumbersTable({ model: { measures, rows } }: { model: NumbersModel }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys
    <section className="configuration numbers" aria-label="Numbers of each arm" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col" data-export="text">
              arm
            </th>
            {measures.map(({ name }) => (
              <th key={name} scope="col" data-export="text">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ arm, cells }) => (
            <tr key={arm.value}>
              <th scope="row">
                <span className="chip" style={{ background: armColour(arm).colour, opacity: armColour(arm).opacity }} />
                <span data-export="text">{arm.name}</span>
                {arm.runs.length > 1 && <small data-export="text">{plural(arm.runs.length, "run")}</small>}
              </th>
              {cells.map((cell, place) => (
                <td key={measures[place]!.name} className={cell.lowest ? undefined : "same"}>
                  <span data-export="text">{numberText(cell, measures[place]!)}</span>
                  <small data-export="text">{differenceText(cell, measures[place]!)}</small>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
