// Keys within the tabs of the views.
import { VIEWS, type ViewName } from "../address/address.ts";

/** @returns the view that a key opens from the tab of another; undefined for keys that open none */
export function tabTarget(view: ViewName, key: string): ViewName | undefined {
  const place = VIEWS.indexOf(view);
  if (key === "ArrowRight") return VIEWS[(place + 1) % VIEWS.length];
  if (key === "ArrowLeft") return VIEWS.at(place - 1);
  if (key === "Home") return VIEWS[0];
  if (key === "End") return VIEWS.at(-1);
  return key === " " ? view : undefined;
}
