// What stands on the step cursor's track: the stretch zoomed to, alerts and restarts.
import { navigate } from "../address/use-address.ts";
import type { TimeMark } from "../data/marks.ts";
import type { Scene } from "../data/scene.ts";

/** Place of a step on the track, 0..1. */
export function shareOf(step: number, last: number): number {
  return last <= 0 ? 1 : Math.min(1, Math.max(0, step / last));
}

export function TrackMarks({ scene: { address, cursor, marks } }: { scene: Scene }) {
  const left = (step: number) => shareOf(step, cursor.last) * 100;
  const [from, to] = (address.range ?? []).map(left);
  return (
    <div className="cursor-marks">
      {from !== undefined && to !== undefined && (
        <div className="cursor-range" style={{ left: `${from}%`, right: `${100 - to}%` }} />
      )}
      {marks.map((mark) => (
        <Mark key={mark.id} mark={mark} left={left(mark.step)} />
      ))}
    </div>
  );
}

/** Not on the way of the Tab key: the alerts view lists them all, and there may be many. */
function Mark({ mark: { kind, step, label }, left }: { mark: TimeMark; left: number }) {
  const className = { alert: "cursor-mark", "alert over": "cursor-mark over", restart: "cursor-mark restart" }[kind];
  return (
    <button
      type="button"
      tabIndex={-1}
      className={className}
      style={{ left: `${left}%` }}
      title={label}
      aria-label={label}
      onClick={() => navigate({ step }, "replace")}
    >
      <svg width={9} height={9} aria-hidden="true">
        {kind === "restart" ? (
          <path d="M1 1v7l6.5 -3.5z" fill="currentColor" />
        ) : (
          <path d="M0.5 1h8l-4 7z" fill="currentColor" />
        )}
      </svg>
    </button>
  );
}
