// The arms of a comparison: what is set against what, as it is written on the command line.
import { WrongUse } from "../failure.ts";

export interface Arm {
  /** Unique in its comparison. */
  name: string;
  strategy: string;
  /** `path=value`, the arm's own; they come after those that all arms share. */
  settings: string[];
}

export interface ArmChoice {
  /** Names of strategies: each is an arm of that name. */
  strategies?: readonly string[];
  /** `NAME=STRATEGY,key=value,…`: strategies and values have no comma in them. */
  arm?: readonly string[];
  /** `key=value,value,…`: every arm once with each value. */
  vary?: readonly string[];
}

export const defaultStrategies = ["auxiliary-loss", "loss-free-bias"];

/** @throws WrongUse that names what cannot be read, or two arms of one name */
export function armsOf({ strategies, arm = [], vary = [] }: ArmChoice): Arm[] {
  const named = strategies ?? (arm.length > 0 ? [] : defaultStrategies);
  const written = [...named.map((strategy) => ({ name: strategy, strategy, settings: [] })), ...arm.map(parseArm)];
  const arms = vary.map(parseVariation).reduce(crossed, written);
  const twice = arms.find(({ name }, place) => arms.findIndex((other) => other.name === name) < place);
  if (twice) throw new WrongUse(`Two arms are called "${twice.name}"; --arm NAME=STRATEGY gives them names`);
  return arms;
}

function parseArm(text: string): Arm {
  const [, name, strategy, rest] = /^([^=,]+)=([^=,]+)((?:,[^=,]+=[^,]+)*)$/.exec(text) ?? [];
  if (name === undefined || strategy === undefined || rest === undefined) {
    throw new WrongUse(
      `--arm ${text}: allowed is NAME=STRATEGY[,key=value…], as in sequence=auxiliary-loss,balancing.scope=sequence`,
    );
  }
  return { name: name.trim(), strategy: strategy.trim(), settings: rest.split(",").slice(1) };
}

interface Variation {
  path: string;
  values: string[];
}

function parseVariation(text: string): Variation {
  const [, path, list] = /^([^=,]+)=([^=]+)$/.exec(text) ?? [];
  const values = list?.split(",").map((value) => value.trim()) ?? [];
  if (path === undefined || values.length === 0 || values.includes("")) {
    throw new WrongUse(`--vary ${text}: allowed is key=value,value…, as in balancing.coefficient=0.001,0.01`);
  }
  return { path, values };
}

function crossed(arms: readonly Arm[], { path, values }: Variation): Arm[] {
  const key = path.split(".").at(-1)!;
  return arms.flatMap(({ name, strategy, settings }) =>
    values.map((value) => ({
      name: `${name} ${key}=${value}`,
      strategy,
      settings: [...settings, `${path}=${value}`],
    })),
  );
}
