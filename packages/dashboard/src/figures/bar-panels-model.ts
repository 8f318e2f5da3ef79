// What the figures made of bars have in common, as data: panels one above the other, groups of bars, each bar a stack of segments.

export interface BarPanelsModel {
  title: string;
  caption: string;
  /** What a colour stands for; a segment names one by its index. */
  series: { name: string; colour: string }[];
  /** Title of the axis of values, and its upper end. Values are percentages. */
  values: { title: string; max: number };
  /** What a group is: expert, layer. */
  groupTitle: string;
  panels: BarPanel[];
  /** What the dashed line of a bar means; undefined when no bar has one. */
  reference?: string;
}

export interface BarPanel {
  title: string;
  groups: BarGroup[];
}

export interface BarGroup {
  label: string;
  bars: Bar[];
}

export interface Bar {
  /** Stands under the bar where a group has several that differ by more than colour. */
  letter?: string;
  segments: BarSegment[];
  /** A value that the bar is to be compared with. */
  reference?: number;
}

export interface BarSegment {
  series: number;
  value: number;
  /** Written in the segment, or beside it where it is too thin. */
  label?: string;
}

/**
 * Whole percentages that add up to 100: each is rounded down, and what is missing goes to those that lost the most (largest remainder).
 *
 * @param counts none negative
 * @returns all 0 when the counts add up to 0
 */
export function wholePercentages(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return counts.map(() => 0);
  const exact = counts.map((count) => (100 * count) / total);
  const whole = exact.map(Math.floor);
  const missing = 100 - whole.reduce((sum, value) => sum + value, 0);
  const byLoss = exact.map((value, place) => ({ place, lost: value - whole[place]! })).sort((a, b) => b.lost - a.lost);
  for (const { place } of byLoss.slice(0, missing)) whole[place]!++;
  return whole;
}
