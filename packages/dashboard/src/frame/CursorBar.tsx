// The step cursor: one scrubber over the whole history, which every view follows.
import { type KeyboardEvent, useEffect } from "react";
import { currentAddress, navigate } from "../address/use-address.ts";
import { Switch } from "../components/controls.tsx";
import { positionOf } from "../data/bucket.ts";
import { type Cursor, moveCursor } from "../data/cursor.ts";
import type { Scene } from "../data/scene.ts";
import { formatCount, formatDuration, formatWhole } from "../format/number.ts";
import { shareOf, TrackMarks } from "./TrackMarks.tsx";
import { useLateness } from "./use-lateness.ts";

/** One stride of the cursor each so many milliseconds, so that a whole run takes about half a minute. */
const PLAY_EVERY = 80;

interface CursorBarProps {
  scene: Scene;
  playing: boolean;
  setPlaying: (playing: boolean) => void;
}

export function CursorBar({ scene, playing, setPlaying }: CursorBarProps) {
  const { cursor } = scene;
  usePlay(cursor, playing, setPlaying);
  // Its place is kept: what is on its way must not push the view down.
  if (cursor.last < 0) return scene.loading ? <div className="cursor-bar" aria-hidden="true" /> : null;
  const go = (step: "live" | number) => navigate({ step }, "replace");
  const onKeyDown = (event: KeyboardEvent) => {
    const target = keyTarget(cursor, event.key, event.shiftKey);
    if (target === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    go(target);
  };
  return (
    <div className="cursor-bar">
      <button
        type="button"
        className="button quiet cursor-play"
        aria-label={playing ? "Pause" : "Play"}
        title="Play (space)"
        onClick={() => setPlaying(!playing)}
      >
        {playing ? "❚❚" : "▶"}
      </button>
      <div className="cursor-track">
        <TrackMarks scene={scene} />
        <input
          type="range"
          aria-label="Step cursor"
          aria-valuetext={`step ${cursor.step} of ${cursor.last}`}
          min={0}
          max={cursor.last}
          value={cursor.step}
          style={{ "--share": `${shareOf(cursor.step, cursor.last) * 100}%` } as React.CSSProperties}
          onChange={(event) => go(event.target.valueAsNumber >= cursor.last ? "live" : event.target.valueAsNumber)}
          onKeyDown={onKeyDown}
        />
      </div>
      <output className="cursor-step">
        <b>step {formatWhole(cursor.step)}</b> <PlaceText scene={scene} />
      </output>
      <Switch on={cursor.live} onChange={(on) => go(on ? "live" : cursor.step)} title="Stay at the newest step (f)">
        Follow
      </Switch>
    </div>
  );
}

/** @returns where a key takes the cursor; undefined for keys that do not */
export function keyTarget(cursor: Cursor, key: string, shift: boolean): "live" | number | undefined {
  const moves = shift ? 10 : 1;
  if (key === "ArrowLeft" || key === "ArrowDown") return moveCursor(cursor, -moves);
  if (key === "ArrowRight" || key === "ArrowUp") return moveCursor(cursor, moves);
  if (key === "PageDown") return moveCursor(cursor, -10);
  if (key === "PageUp") return moveCursor(cursor, 10);
  if (key === "Home") return 0;
  return key === "End" ? "live" : undefined;
}

/** Where the cursor is in tokens and time; or that what is shown is on its way, or late. */
function PlaceText({ scene }: { scene: Scene }) {
  const late = useLateness(scene);
  if (scene.held) return <span className="late">Loading…</span>;
  if (late !== undefined) return <em className="cursor-late">data is {formatDuration(late)} late</em>;
  return <span>{placeText(scene)}</span>;
}

/** Tokens and time at the cursor, of the run that got furthest. */
function placeText({ cursor, timelines, chosen }: Scene): string {
  const furthest = timelines.find(({ buckets }) => buckets.at(-1)?.lastStep === cursor.last);
  const bucket = furthest?.buckets.findLast(({ firstStep }) => (firstStep ?? 0) <= cursor.step);
  if (bucket === undefined) return "";
  const startedAt = chosen.find(({ id }) => id === furthest!.run)?.run.startedAt ?? 0;
  return `${formatCount(bucket.tokens ?? 0)} tokens · ${formatDuration(positionOf(bucket, "time", startedAt))}`;
}

/** Moves the cursor on its own, from the start when it stands at the end. */
function usePlay({ last, stride }: Cursor, playing: boolean, setPlaying: (playing: boolean) => void): void {
  useEffect(() => {
    if (!playing) return;
    if (currentAddress().step === "live") navigate({ step: 0 }, "replace");
    const timer = setInterval(() => {
      const step = currentAddress().step;
      const next = step === "live" ? "live" : moveCursor({ live: false, step, last, stride }, 1);
      navigate({ step: next }, "replace");
      if (next === "live") setPlaying(false);
    }, PLAY_EVERY);
    return () => clearInterval(timer);
  }, [playing, last, stride, setPlaying]);
}
