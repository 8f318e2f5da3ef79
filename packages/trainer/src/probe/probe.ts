// Measures a model on a fixed batch every now and then: where attention goes, what kind its heads are, what its routers choose.
import { shareChangedByBias } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import { definitionOf } from "../balancing/combination.ts";
import type { NamedArray } from "../checkpoint/named-array.ts";
import type { Batch, Corpus } from "../data/corpus.ts";
import { type ForwardResult, moeLayersOf } from "../model/transformer.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { TrainStep } from "../training/train-step.ts";
import { EarlierChoices } from "./earlier-choices.ts";
import { type HeadShape, lookAtRepeats, lookAtText, type TextHead, uniformShares } from "./look-at-heads.ts";
import { lookAtRouters, type RouterChoices } from "./look-at-routers.ts";
import { type ProbeText, probeText, repeatedBatch } from "./probe-batch.ts";
import { otherClass } from "./token-classes.ts";

/** What one probe found, as it is sent. */
export interface ProbeFindings {
  scalars: v1.Scalar.$Properties[];
  histograms: v1.RoutingHistogram.$Properties[];
  attention: v1.AttentionByToken.$Properties[];
  heads: v1.HeadProfile.$Properties[];
  /** At the last step alone. */
  saturation: v1.RouterSaturation.$Properties[];
}

export class Probe {
  readonly #recipe: Recipe;
  readonly #text: ProbeText;
  readonly #repeated: Batch;
  /** Names of the token classes, the last for what is in no other. */
  readonly #classes: string[];
  readonly #uniform: v1.Scalar.$Properties[];
  readonly #layers: number[];
  /** Most experts that a token may have. */
  readonly #choices: number;
  readonly #earlier: EarlierChoices;

  /** @param recipe with `probe.every` above 0 */
  constructor(recipe: Recipe, corpus: Corpus) {
    const { model, data, probe, steps, balancing } = recipe;
    this.#recipe = recipe;
    this.#text = probeText(corpus, data.sequence, probe.tokenClasses);
    this.#repeated = repeatedBatch(this.#text.batch, data.sequence);
    this.#classes = [...probe.tokenClasses.map(({ name }) => name), otherClass];
    const uniform = uniformShares(this.#text.classOf, this.#classes.length, data.sequence);
    this.#uniform = this.#classes.map((name, index) => ({ name: `attention/uniform/${name}`, value: uniform[index]! }));
    this.#layers = moeLayersOf(model);
    const definition = definitionOf(balancing.strategy);
    const varies = this.#layers.some((_, moeLayer) => (definition.ofLayer?.(moeLayer) ?? definition).topKVaries);
    this.#choices = varies ? model.experts : model.topK;
    this.#earlier = new EarlierChoices({ every: probe.every, steps, choices: this.#choices, layers: this.#layers });
  }

  /** @param step index of the update that was just made */
  isDue(step: number): boolean {
    const { steps, probe } = this.#recipe;
    return step === steps - 1 || (step + 1) % probe.every === 0;
  }

  measure(trainer: TrainStep, step: number): ProbeFindings {
    const shape = this.#headShape();
    const text = look(trainer, this.#text.batch, ({ qkvs_T3D, routings }) => ({
      heads: lookAtText(qkvs_T3D, this.#text.classOf, this.#classes.length, shape),
      routers: lookAtRouters(routings, this.#choices),
    }));
    const repeats = look(trainer, this.#repeated, ({ qkvs_T3D }) => lookAtRepeats(qkvs_T3D, shape));
    const routers = this.#compare(text.seen.routers, step);
    return {
      scalars: [{ name: "loss", value: text.crossEntropy }, ...this.#uniform, ...routers.scalars],
      histograms: text.histograms,
      attention: this.#attention(text.seen.heads),
      heads: profiles(text.seen.heads, repeats.seen),
      saturation: routers.saturation,
    };
  }

  /** What a resumed run compares its choices with. */
  state(): NamedArray[] {
    return this.#earlier.state();
  }

  restore(state: readonly NamedArray[]): void {
    this.#earlier.restore(state);
  }

  #headShape(): HeadShape {
    const { model, data } = this.#recipe;
    return { heads: model.heads, headWidth: model.width / model.heads, sequence: data.sequence };
  }

  /** For each layer, every head and the mean of all. */
  #attention(layers: TextHead[][]): v1.AttentionByToken.$Properties[] {
    return layers.flatMap((heads, layer) => {
      const mean = this.#classes.map(
        (_, index) => heads.reduce((sum, { shares }) => sum + shares[index]!, 0) / heads.length,
      );
      const row = (head: number, share: number[]) => ({ layer, head, tokenClass: this.#classes, share });
      return [row(-1, mean), ...heads.map(({ shares }, head) => row(head, [...shares]))];
    });
  }

  /** This probe's choices beside those without the bias and those of earlier probes, which they then join. */
  #compare(routers: RouterChoices[], step: number): Pick<ProbeFindings, "scalars" | "saturation"> {
    const { steps } = this.#recipe;
    const chosen = routers.map((router) => router.chosen);
    const churn = this.#earlier.churn(chosen).map((value, index) => {
      return { name: `router/churn/${this.#layers[index]}`, value };
    });
    const changed = routers.flatMap(({ chosen, unbiased }, index) => {
      if (!unbiased) return [];
      return {
        name: `router/bias_changed/${this.#layers[index]}`,
        value: shareChangedByBias(chosen, unbiased, this.#choices),
      };
    });
    const saturation = step === steps - 1 ? this.#earlier.saturation(chosen) : [];
    this.#earlier.add(step, chosen);
    return { scalars: [...churn, ...changed], saturation };
  }
}

/** Evaluates a batch, and what `see` makes of the pass. */
function look<Seen>(trainer: TrainStep, batch: Batch, see: (pass: ForwardResult) => Seen) {
  let seen: Seen | undefined;
  const measured = trainer.evaluate(batch, (pass) => {
    seen = see(pass);
  });
  return { ...measured, seen: seen as Seen };
}

function profiles(layers: TextHead[][], induction: Float32Array[]): v1.HeadProfile.$Properties[] {
  return layers.flatMap((heads, layer) =>
    heads.map(({ shares: _, ...scores }, head) => ({ layer, head, ...scores, induction: induction[layer]![head]! })),
  );
}
