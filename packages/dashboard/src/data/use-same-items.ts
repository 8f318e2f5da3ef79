// An array that stays the same object while its items do, for what is worked out from it.
import { useEffect, useRef } from "react";

/** @returns the array of the render before where it has the same items, else this one */
export function useSameItems<T>(items: readonly T[]): readonly T[] {
  const before = useRef(items);
  const same = before.current.length === items.length && items.every((item, at) => Object.is(item, before.current[at]));
  useEffect(() => {
    if (!same) before.current = items;
  });
  return same ? before.current : items;
}
