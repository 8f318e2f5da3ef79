// Colours of token categories, token classes and head categories on white paper: Okabe-Ito, with those that people know from the papers.

/** Text is orange and images are green, as in the figures of MoE-LLaVA (arXiv 2401.15947). */
const KNOWN: Record<string, string> = { text: "#e69f00", image: "#009e73" };

const OTHERS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#7f7f7f"];

/** @returns one colour for each name, in order; a known name has its own, the others never share one with it */
export function seriesColours(names: readonly string[]): string[] {
  const taken = new Set(names.map((name) => KNOWN[name]));
  const free = OTHERS.filter((colour) => !taken.has(colour));
  let next = 0;
  return names.map((name) => KNOWN[name] ?? free[next++ % free.length]!);
}
