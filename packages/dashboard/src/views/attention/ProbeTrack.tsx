// The probes along the run: marks to step through, which move the step cursor.
import type { PointerEvent } from "react";
import { navigate } from "../../address/use-address.ts";
import { nearestIndex } from "../../charts/lines.ts";
import { formatWhole } from "../../format/number.ts";
import type { ProbeSteps } from "./attention-model.ts";

/** More marks than this would run together. */
const MOST_MARKS = 240;

/** @param last newest step of the runs on screen */
export function ProbeTrack({ probes: { steps, place }, last }: { probes: ProbeSteps; last: number }) {
  const end = Math.max(1, last, steps.at(-1) ?? 0);
  const go = (index: number) => {
    const step = steps[Math.min(steps.length - 1, Math.max(0, index))]!;
    navigate({ step: index >= steps.length - 1 ? "live" : step });
  };
  const onPointerDown = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    go(nearestIndex(steps, ((event.clientX - box.left) / box.width) * end));
  };
  const every = Math.ceil(steps.length / MOST_MARKS);
  return (
    <section className="probe-track" aria-label="Probes">
      <span className="probe-track-text">
        {place < 0 ? "before the first probe" : `probe of step ${formatWhole(steps[place]!)}`}
        <small>{` ${place + 1} of ${steps.length}`}</small>
      </span>
      <button
        type="button"
        className="button"
        aria-label="Probe before"
        disabled={place <= 0}
        onClick={() => go(place - 1)}
      >
        ‹
      </button>
      <div className="probe-track-marks" onPointerDown={onPointerDown} title="A click goes to the nearest probe">
        {steps.map((step, index) =>
          index % every === 0 || index === place ? (
            <i key={step} className={index === place ? "now" : undefined} style={{ left: `${(100 * step) / end}%` }} />
          ) : null,
        )}
      </div>
      <button
        type="button"
        className="button"
        aria-label="Probe after"
        disabled={place >= steps.length - 1}
        onClick={() => go(place + 1)}
      >
        ›
      </button>
    </section>
  );
}
