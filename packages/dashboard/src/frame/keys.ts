// Keys that work anywhere on the page.
import { useEffect } from "react";
import { AXES, type Theme, VIEWS } from "../address/address.ts";
import { navigate, redo, undo } from "../address/use-address.ts";
import { resetZoom } from "../charts/use-x-pointer.ts";
import type { Scene } from "../data/scene.ts";
import { zoomAround } from "../data/zoom.ts";
import { VIEW } from "../views/registry.ts";
import { keyTarget } from "./CursorBar.tsx";
import { switchTheme } from "./TopBar.tsx";

/** What the list of keys says, in its order. */
export const KEYS: readonly (readonly [keys: string, does: string])[] = [
  [`1 – ${VIEWS.length}`, `views: ${VIEWS.map((view) => VIEW[view].title).join(", ")}`],
  ["← → on a tab", "view before or after"],
  ["← →", "step cursor, one point back or on; with Shift ten"],
  ["Home, End", "first step; newest step, and follow it"],
  ["Space", "play or pause"],
  ["f", "follow the newest step, or stop here"],
  ["[ ]", "layer before or after"],
  ["x", "x axis: step, tokens, time"],
  ["y", "y axis: linear, logarithmic"],
  ["+ −", "zoom in or out around the step cursor; or drag over a chart"],
  ["Esc", "the whole run again; then follow no expert"],
  ["Ctrl Z, Ctrl Y", "undo, redo"],
  ["/", "search runs"],
  ["t", "light or dark"],
  ["Arrow keys in a heat map", "move from cell to cell; Enter follows the expert"],
  ["?", "this list"],
];

export interface KeyActions {
  scene: Scene;
  theme: Theme;
  togglePlay: () => void;
  toggleHelp: () => void;
}

export function useKeys(actions: KeyActions): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.altKey || takesKeys(event.target)) return;
      const done = event.ctrlKey || event.metaKey ? actOnHistory(event) : act(event, actions);
      if (!done) return;
      event.preventDefault();
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, [actions]);
}

/** @returns whether the key did anything */
function act({ key, shiftKey, target }: KeyboardEvent, { scene, theme, togglePlay, toggleHelp }: KeyActions): boolean {
  const view = VIEWS[Number(key) - 1];
  const step = scene.cursor.last < 0 ? undefined : keyTarget(scene.cursor, key, shiftKey);
  if (view !== undefined) navigate({ view });
  else if (step !== undefined && !key.startsWith("Page") && !/Up|Down/.test(key)) navigate({ step }, "replace");
  else if (key === " " && !(target instanceof HTMLButtonElement)) togglePlay();
  else if (key === "f") navigate({ step: scene.cursor.live ? scene.cursor.step : "live" }, "replace");
  else if (key === "[" || key === "]") navigate({ layer: neighbour(scene, key === "]" ? 1 : -1) });
  else if (key === "x") navigate({ x: AXES[(AXES.indexOf(scene.address.x) + 1) % AXES.length]! });
  else if (key === "y") navigate({ log: !scene.address.log });
  else if (key === "+" || key === "=") navigate({ range: zoomAround(scene.address.range, scene.cursor, 0.5) });
  else if (key === "-") navigate({ range: zoomAround(scene.address.range, scene.cursor, 2) });
  else if (key === "Escape" && scene.address.range !== undefined) resetZoom();
  else if (key === "Escape" && scene.address.expert !== undefined) navigate({ expert: undefined });
  else if (key === "t") switchTheme(theme);
  else if (key === "?") toggleHelp();
  else if (key === "/") document.getElementById("run-search")?.focus();
  else return false;
  return true;
}

/** Every change of the address is an entry of the browser's history. */
function actOnHistory({ key, shiftKey }: KeyboardEvent): boolean {
  const letter = key.toLowerCase();
  if (letter === "z" && !shiftKey) undo();
  else if (letter === "y" || letter === "z") redo();
  else return false;
  return true;
}

function neighbour({ layers, layer }: Scene, move: number): number | undefined {
  const place = layers.indexOf(layer ?? -1) + move;
  return layers[Math.min(layers.length - 1, Math.max(0, place))];
}

/** Fields that need the keys themselves, and everything while a dialog is open. */
function takesKeys(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false;
  const field = target.closest("input, select, textarea, dialog");
  return field !== null && !field.matches('input[type="checkbox"]');
}
