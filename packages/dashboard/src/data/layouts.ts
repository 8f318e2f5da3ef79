// Saved layouts: addresses under a name, kept in this browser.
import { storedValue } from "./stored-value.ts";

export interface Layout {
  /** Unique. */
  name: string;
  /** The query part of an address. */
  search: string;
}

export const layouts = storedValue<readonly Layout[]>("moescope.layouts", [], readLayouts);

/** A layout of the same name is replaced where it stands. */
export function withLayout(saved: readonly Layout[], { name, search }: Layout): Layout[] {
  const layout = { name: name.trim(), search };
  const known = saved.some((each) => each.name === layout.name);
  return known ? saved.map((each) => (each.name === layout.name ? layout : each)) : [...saved, layout];
}

/** @returns unchanged when the new name is empty or another layout's */
export function renamed(saved: readonly Layout[], from: string, to: string): readonly Layout[] {
  const name = to.trim();
  if (name === "" || saved.some((each) => each.name === name)) return saved;
  return saved.map((each) => (each.name === from ? { ...each, name } : each));
}

/** @returns undefined when it is not a list of layouts */
export function readLayouts(stored: unknown): Layout[] | undefined {
  if (!Array.isArray(stored)) return undefined;
  return stored.filter(
    (each): each is Layout =>
      typeof each === "object" && each !== null && typeof each.name === "string" && typeof each.search === "string",
  );
}
