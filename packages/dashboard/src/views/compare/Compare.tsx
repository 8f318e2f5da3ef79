// Compare: runs in arms, strategies with their seeds for instance, set against each other.
import { useMemo } from "react";
import { type Address, COMPARED } from "../../address/address.ts";
import { navigate } from "../../address/use-address.ts";
import { Segmented, Select } from "../../components/controls.tsx";
import { Notice } from "../../components/Notice.tsx";
import { plural } from "../../format/sentence.ts";
import type { ViewProps } from "../view-props.ts";
import { armPair, armsOf, comparableBy } from "./arms.ts";
import { ConfigurationCard } from "./ConfigurationCard.tsx";
import type { ComparedProps } from "./compared-props.ts";
import { DifferenceCard } from "./DifferenceCard.tsx";
import { LinesCard } from "./LinesCard.tsx";
import { MEASURES } from "./measures.ts";
import { NumbersCard } from "./NumbersCard.tsx";
import { ScatterCard } from "./ScatterCard.tsx";
import { useCompared } from "./use-compared.ts";
import "./compare.css";

export default function Compare({ scene, theme }: ViewProps) {
  const { address, colours } = scene;
  const compared = useCompared(scene);
  const { runs, error } = compared;
  const arms = useMemo(() => armsOf(runs, address.by, colours), [runs, address.by, colours]);
  const pair = useMemo(
    () => armPair(arms, address.baseline, address.against),
    [arms, address.baseline, address.against],
  );
  const props = { scene, theme, compared, arms, pair };
  const measures = useMemo(
    () => MEASURES.filter(({ evaluation }) => !evaluation || scene.split !== "eval"),
    [scene.split],
  );
  return (
    <>
      <Choices {...props} />
      {error !== undefined && <Notice kind="bad">Some histories could not be fetched: {error.message}</Notice>}
      <ScatterCard {...props} />
      <div className="compare-lines">
        {measures.map((measure) => (
          <LinesCard key={measure.name} {...props} measure={measure} />
        ))}
      </div>
      <NumbersCard {...props} measures={measures} />
      {pair.baseline !== undefined && pair.against !== undefined && (
        <DifferenceCard {...props} baseline={pair.baseline} against={pair.against} />
      )}
      <ConfigurationCard arms={arms} baseline={pair.baseline} />
    </>
  );
}

const COMPARED_TEXT: Record<Address["compared"], string> = { chosen: "Chosen runs", listed: "Listed runs" };

/** What is compared, by what, and which two arms the sentences are about. */
function Choices({ scene, compared: { runs, left }, arms, pair }: ComparedProps) {
  const { by, compared, filter } = scene.address;
  const names = useMemo(() => [...new Set([by, ...comparableBy(runs)])], [runs, by]);
  const armChoices = arms.map(({ value, name, runs: members }) => ({ value, text: `${name} (${members.length})` }));
  const listed = scene.groups.reduce((sum, group) => sum + group.runs.length, 0);
  return (
    <fieldset className="compare-choices" aria-label="What is compared">
      <Segmented
        label="Runs to compare"
        value={compared}
        choices={COMPARED.map((value) => ({
          value,
          text: `${COMPARED_TEXT[value]} (${value === "listed" ? listed : scene.chosen.length})`,
        }))}
        onChange={(value) => navigate({ compared: value })}
      />
      <Select
        label="by"
        value={by}
        choices={names.map((name) => ({ value: name, text: name }))}
        onChange={(name) => navigate({ by: name, baseline: "", against: "" })}
      />
      {pair.against !== undefined && (
        <>
          <Select
            label="Set"
            value={pair.against.value}
            choices={armChoices.filter(({ value }) => value !== pair.baseline?.value)}
            onChange={(against) => navigate({ against })}
          />
          <Select
            label="against"
            value={pair.baseline?.value ?? ""}
            choices={armChoices}
            onChange={(baseline) =>
              navigate(
                baseline === pair.against?.value ? { baseline, against: pair.baseline?.value ?? "" } : { baseline },
              )
            }
          />
        </>
      )}
      <span className="compare-note">
        {plural(runs.length, "run")} in {plural(arms.length, "arm")}
        {left > 0 && `; the newest, ${left} more are listed`}
        {compared === "listed" && filter !== "" && `; listed are those that match “${filter}”`}
      </span>
    </fieldset>
  );
}
