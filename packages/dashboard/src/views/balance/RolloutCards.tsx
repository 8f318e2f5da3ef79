// What an inference engine chose for generated tokens beside what the trainer chose: of runs that compare the two.
import { useMemo } from "react";
import { Explained } from "../../components/Term.tsx";
import type { Scene } from "../../data/scene.ts";
import { useSameItems } from "../../data/use-same-items.ts";
import { useRollouts } from "../../data/use-split.ts";
import { LinesCard } from "./LinesCard.tsx";
import { agreementText, type RolloutScalar, rolloutModel } from "./rollout-model.ts";

const CARDS: readonly { scalar: RolloutScalar; name: string; meaning: string; floor?: number }[] = [
  {
    scalar: "rollout/overlap",
    name: "Rollout overlap",
    meaning:
      "Share of the experts chosen for generated tokens that the inference engine and the trainer both chose, in any order. 100 %: they route alike.",
  },
  {
    scalar: "rollout/differ",
    name: "Rollout difference",
    meaning:
      "Share of generated tokens for which the inference engine and the trainer chose different sets of experts.",
    floor: 0,
  },
];

/** None where no run on screen has compared a rollout. */
export function RolloutCards({ scene, note }: { scene: Scene; note: string }) {
  const { address, cursor } = scene;
  const { x: axis, lines } = address;
  const answers = useRollouts(scene);
  const runs = useSameItems(answers.map(({ run }) => run).filter(({ buckets }) => buckets.length > 0));
  const models = useMemo(
    () => CARDS.map(({ scalar }) => rolloutModel(runs, scalar, { axis, lines, step: cursor.step })),
    [runs, axis, lines, cursor.step],
  );
  return CARDS.map(({ scalar, name, meaning, floor }, place) => {
    const model = models[place]!;
    if (model.series.length === 0) return null;
    return (
      <LinesCard
        key={scalar}
        scene={scene}
        model={model}
        title={<Explained text={meaning}>{name}</Explained>}
        name={name}
        requests={answers.flatMap(({ path }) => path ?? [])}
        notes={[note]}
        format={agreementText}
        formatTick={agreementText}
        {...(floor !== undefined && { floor })}
      />
    );
  });
}
