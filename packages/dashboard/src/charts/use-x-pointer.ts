// What a pointer does on a chart over steps: hovering shows the place on every chart, dragging zooms them all, a click chooses.
import { type PointerEvent, useRef } from "react";
import { currentAddress, navigate } from "../address/use-address.ts";
import { setPointed } from "./pointer.ts";

/** Steps that a place on the x axis stands for, both included. */
export interface StepSpan {
  first: number;
  last: number;
}

/** Shorter drags are clicks of an unsteady hand, pixels. */
const SHORTEST_DRAG = 5;

interface XPointer {
  /** Place on the x axis under the pointer, in its units. */
  xAt: (event: PointerEvent<SVGElement>) => number;
  /** Steps of the data nearest to a place. */
  stepsAt: (x: number) => StepSpan | undefined;
  onClick: ((event: PointerEvent<SVGElement>) => void) | undefined;
}

/** @returns handlers for the element that takes the pointer; give it `touch-action: pan-y`, so that a finger can drag sideways */
export function useXPointer({ xAt, stepsAt, onClick }: XPointer) {
  const began = useRef<{ x: number; clientX: number }>(undefined);
  const isDrag = (event: PointerEvent) =>
    began.current !== undefined && Math.abs(event.clientX - began.current.clientX) >= SHORTEST_DRAG;
  const end = () => {
    began.current = undefined;
    setPointed({ dragged: undefined });
  };
  return {
    onPointerDown: (event: PointerEvent<SVGElement>) => {
      if (event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      began.current = { x: xAt(event), clientX: event.clientX };
    },
    onPointerMove: (event: PointerEvent<SVGElement>) => {
      const x = xAt(event);
      setPointed({ hovered: x, dragged: isDrag(event) ? [began.current!.x, x] : undefined });
    },
    onPointerUp: (event: PointerEvent<SVGElement>) => {
      if (isDrag(event)) zoomTo(stepsAt(began.current!.x), stepsAt(xAt(event)));
      else if (began.current !== undefined) onClick?.(event);
      end();
    },
    onPointerLeave: () => setPointed({ hovered: undefined }),
    onPointerCancel: end,
    onDoubleClick: () => resetZoom(),
  };
}

function zoomTo(a: StepSpan | undefined, b: StepSpan | undefined): void {
  if (a === undefined || b === undefined) return;
  const [from, to] = [Math.min(a.first, b.first), Math.max(a.last, b.last)];
  if (to > from) navigate({ range: [from, to] });
}

/** Shows the whole run again. */
export function resetZoom(): void {
  if (currentAddress().range !== undefined) navigate({ range: undefined });
}
