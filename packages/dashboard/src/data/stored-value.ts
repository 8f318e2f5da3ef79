// A value of this browser, shared by every part of the page and every tab: kept in localStorage, where that is allowed.
import { useSyncExternalStore } from "react";

export interface StoredValue<T> {
  get(): T;
  set(value: T): void;
  /** Follows changes, those of other tabs too. */
  use(): T;
}

/**
 * @param read what a stored text means; `empty` where it means nothing, as after a change of the format
 */
export function storedValue<T>(key: string, empty: T, read: (stored: unknown) => T | undefined): StoredValue<T> {
  let value = load(key, read) ?? empty;
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of listeners) listener();
  };
  globalThis.addEventListener?.("storage", (event) => {
    if (event.key !== key) return;
    value = load(key, read) ?? empty;
    tell();
  });
  const subscribe = (listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  return {
    get: () => value,
    set: (next) => {
      value = next;
      save(key, next);
      tell();
    },
    use: () => useSyncExternalStore(subscribe, () => value),
  };
}

/** Node has a `localStorage` too since version 25, and warns when it is looked at. */
const inBrowser = typeof window !== "undefined";

function load<T>(key: string, read: (stored: unknown) => T | undefined): T | undefined {
  // Outside a browser, as in reports and in tests of models, nothing is stored.
  if (!inBrowser) return undefined;
  try {
    const text = localStorage.getItem(key);
    return text === null ? undefined : read(JSON.parse(text));
  } catch (error) {
    console.info(`${key} is not read from this browser: ${error}`);
    return undefined;
  }
}

function save(key: string, value: unknown): void {
  if (!inBrowser) return;
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch (error) {
    // Private windows refuse, and storage may be full: the value lasts as long as the page.
    console.info(`${key} is not kept in this browser: ${error}`);
  }
}
