// The alerts of one run: a state machine fed with its steps, in order. It knows no clock, no log and no store.
import { busiestExpert } from "@moescope/metrics";
import { layersOf, v1 } from "@moescope/proto";
import { type LayerLoad, LoadWindow } from "./load-window.ts";
import {
  type AlertThresholds,
  collapseThreshold,
  deadOf,
  droppedShareOf,
  notAliveOf,
  OVER_BELOW,
  tellsWhoIsDead,
  violationOf,
} from "./rules.ts";
import { messageOf } from "./wording.ts";

const { Rule } = v1.Alert;

/** What a rule says of an alert that it fires. */
type Finding = Pick<v1.Alert, "rule" | "beganStep"> &
  Partial<Pick<v1.Alert, "layer" | "experts" | "value" | "threshold">>;

/** A measure of a layer's load that has a threshold. */
interface Limit {
  rule: v1.Alert.Rule;
  threshold(load: LayerLoad, topK: number): number;
  measure(load: LayerLoad, topK: number): number;
  blame(load: LayerLoad): number[];
}

export class RunWatch {
  readonly #run: string;
  /** Experts of each token, by layer; a layer that was appended later is measured by what it does. */
  readonly #topK: ReadonlyMap<number, number>;
  readonly #thresholds: AlertThresholds;
  readonly #limits: readonly Limit[];
  #window: LoadWindow;
  #attempt: number;
  #lastStep: number;
  /** Alerts that have fired and are not over. */
  #lasting: v1.Alert[];

  /**
   * @param lasting what fired before and is not over, as after a restart: it does not fire again
   * @param from the newest step that was trained before
   */
  constructor(
    run: v1.RunDescription,
    thresholds: AlertThresholds,
    lasting: readonly v1.Alert[] = [],
    from: Pick<v1.Attempt, "attempt" | "lastStep"> = { attempt: 0, lastStep: 0 },
  ) {
    this.#run = run.id;
    this.#topK = new Map(layersOf(run).map(({ index, topK }) => [index, topK]));
    this.#thresholds = thresholds;
    this.#limits = limitsOf(thresholds);
    this.#window = new LoadWindow(thresholds.window);
    this.#lasting = [...lasting];
    this.#attempt = Math.max(from.attempt, ...lasting.map(({ attempt }) => attempt));
    this.#lastStep = Math.max(from.lastStep, ...lasting.map(({ firedStep }) => firedStep));
  }

  /**
   * @param step a training step, one step wide, over all ranks
   * @returns alerts that fire with it, and alerts that are over with it; not yet told when
   */
  step(step: v1.StepBucket): v1.Alert[] {
    if (step.attempt < this.#attempt) return [];
    const ended = step.attempt > this.#attempt ? this.#restart(step.attempt) : [];
    this.#lastStep = step.lastStep;
    const told = [...ended, ...this.#loss(step)];
    if (this.#window.add(step)) {
      for (const [layer, load] of this.#window.layers()) told.push(...this.#layer(layer, load));
    }
    return told;
  }

  /** @returns the alert that fires because the run has fallen silent, or that is over because it is heard or has ended */
  silence(silent: boolean): v1.Alert[] {
    const lasting = this.#find(Rule.SILENCE, 0);
    if (silent && !lasting) return [this.#fire({ rule: Rule.SILENCE, beganStep: this.#lastStep })];
    return !silent && lasting ? [this.#end(lasting)] : [];
  }

  /** A resumed run is measured anew: what its earlier attempt was like says nothing of it. */
  #restart(attempt: number): v1.Alert[] {
    this.#attempt = attempt;
    this.#window = new LoadWindow(this.#thresholds.window);
    return this.#lasting.map((alert) => this.#end(alert));
  }

  #loss({ scalars, firstStep }: v1.StepBucket): v1.Alert[] {
    const loss = scalars.find(({ name }) => name === "loss");
    if (loss === undefined) return [];
    const wrong = loss.nanValues > 0 || !Number.isFinite(loss.sum);
    const lasting = this.#find(Rule.NOT_A_NUMBER, 0);
    if (wrong && !lasting) return [this.#fire({ rule: Rule.NOT_A_NUMBER, beganStep: firstStep })];
    return !wrong && lasting ? [this.#end(lasting)] : [];
  }

  #layer(layer: number, load: LayerLoad): v1.Alert[] {
    return [...this.#limits.flatMap((limit) => this.#check(limit, layer, load)), ...this.#dead(layer, load)];
  }

  // A layer without load has NaN for a value: nothing fires and nothing is over.
  #check({ rule, measure, blame, ...limit }: Limit, layer: number, load: LayerLoad): v1.Alert[] {
    const topK = this.#topK.get(layer) ?? 0;
    const value = measure(load, topK);
    const threshold = limit.threshold(load, topK);
    const lasting = this.#find(rule, layer);
    if (lasting) return value < OVER_BELOW * threshold ? [this.#end(lasting)] : [];
    if (!(value > threshold)) return [];
    const beganStep = this.#window.beganAt(layer, (part) => measure(part, topK) > threshold);
    return [this.#fire({ rule, layer, experts: blame(load), beganStep, value, threshold })];
  }

  /** Experts that die together are one alert; it is over when all of them live again. */
  #dead(layer: number, load: LayerLoad): v1.Alert[] {
    if (!tellsWhoIsDead(load)) return [];
    const notAlive = new Set(notAliveOf(load));
    const lasting = this.#lasting.filter((alert) => alert.rule === Rule.DEAD_EXPERTS && alert.layer === layer);
    const ended = lasting.filter(({ experts }) => !experts.some((expert) => notAlive.has(expert)));
    const known = new Set(lasting.flatMap(({ experts }) => experts));
    // Whoever is dead is not alive: where all are, there is nothing to look for.
    const died = notAlive.size === 0 ? [] : deadOf(load).filter((expert) => !known.has(expert));
    const told = ended.map((alert) => this.#end(alert));
    if (died.length === 0) return told;
    const beganStep = this.#window.beganAt(layer, (part) => died.every((expert) => notAliveOf(part).includes(expert)));
    return [...told, this.#fire({ rule: Rule.DEAD_EXPERTS, layer, experts: died, beganStep })];
  }

  #find(rule: v1.Alert.Rule, layer: number): v1.Alert | undefined {
    return this.#lasting.find((alert) => alert.rule === rule && alert.layer === layer);
  }

  #fire(finding: Finding): v1.Alert {
    const firedStep = this.#lastStep;
    const name = Rule[finding.rule]!.toLowerCase().replaceAll("_", "-");
    const id = [this.#attempt, name, finding.layer ?? 0, firedStep].join(".");
    const alert = new v1.Alert({ id, run: this.#run, attempt: this.#attempt, firedStep, ...finding });
    alert.message = messageOf(alert, this.#thresholds.collapse);
    this.#lasting.push(alert);
    return alert;
  }

  #end(alert: v1.Alert): v1.Alert {
    this.#lasting = this.#lasting.filter((other) => other !== alert);
    return new v1.Alert({ ...alert, over: true, overStep: this.#lastStep });
  }
}

function limitsOf({ collapse, dropped }: AlertThresholds): Limit[] {
  return [
    {
      rule: Rule.COLLAPSE,
      threshold: (load, topK) => collapseThreshold(load, topK, collapse),
      measure: violationOf,
      blame: ({ load }) => [busiestExpert(load)],
    },
    { rule: Rule.DROPS, threshold: () => dropped, measure: droppedShareOf, blame: () => [] },
  ];
}
