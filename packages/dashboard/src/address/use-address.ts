// The address as state of the page: reading it, changing it, going back and forward.
import { useSyncExternalStore } from "react";
import { type Address, formatAddress, parseAddress } from "./address.ts";

let current = parseAddress(location.search);
const listeners = new Set<() => void>();

window.addEventListener("popstate", () => {
  current = parseAddress(location.search);
  for (const listener of listeners) listener();
});

/** Entries of the browser's history are made at most this often, milliseconds: browsers refuse faster writers. */
const REPLACE_EVERY = 300;
let replaceTimer: ReturnType<typeof setTimeout> | undefined;

/**
 * Changes what is on screen.
 *
 * @param change parts that change
 * @param entry `push` where Back should return to what was before (a view, a layer); `replace` for what moves all the time (the cursor)
 */
export function navigate(change: Partial<Address>, entry: "push" | "replace" = "push"): void {
  go({ address: { ...current.address, ...change }, ignored: [] }, entry);
}

/** Opens another address of this page, as a link would. @param search its query part; empty for the start */
export function openSearch(search: string): void {
  go(parseAddress(search), "push");
}

function go(next: typeof current, entry: "push" | "replace"): void {
  const before = formatAddress(current.address);
  current = next;
  const after = formatAddress(current.address);
  if (entry === "replace") replaceSoon();
  else if (after !== before) {
    flushReplace(before);
    history.pushState({ moescope: depth() + 1 }, "", location.pathname + after);
  }
  for (const listener of listeners) listener();
}

/** Takes back the last change that has an entry of its own in the browser's history; what was before this page stays out of it. */
export function undo(): void {
  if (depth() > 0) history.back();
}

/** Makes again what `undo` took back. */
export function redo(): void {
  history.forward();
}

/** Entries that this page has made up to the one on screen. */
function depth(): number {
  return (history.state as { moescope?: number } | null)?.moescope ?? 0;
}

/** The newest state of the address, for event handlers. */
export function currentAddress(): Address {
  return current.address;
}

/** The address, and one line for each part of it that was ignored. */
export function useAddress(): { address: Address; ignored: readonly string[] } {
  return useSyncExternalStore(subscribe, () => current);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function replaceSoon(): void {
  replaceTimer ??= setTimeout(() => flushReplace(formatAddress(current.address)), REPLACE_EVERY);
}

/** Writes a waiting replacement, so that an entry pushed after it comes after it. */
function flushReplace(search: string): void {
  if (replaceTimer === undefined) return;
  clearTimeout(replaceTimer);
  replaceTimer = undefined;
  history.replaceState(history.state, "", location.pathname + search);
}
