// The run list at the left: search, tick what to show.
import { useEffect, useMemo, useRef, useState } from "react";
import { MOST_RUNS } from "../address/address.ts";
import { navigate } from "../address/use-address.ts";
import { StateDot } from "../components/StateDot.tsx";
import { toggleRun } from "../data/chosen-runs.ts";
import type { Scene } from "../data/scene.ts";
import { plural } from "../format/sentence.ts";
import { type RailRow, railRows } from "./rail-model.ts";
import "./rail.css";

export function Rail({ scene, open, onClose }: { scene: Scene; open: boolean; onClose: () => void }) {
  const { summaries = [], colours, chosen, address } = scene;
  const [search, setSearch] = useState("");
  const closeButton = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (open) closeButton.current?.focus();
  }, [open]);
  const ids = useMemo(() => chosen.map(({ id }) => id), [chosen]);
  const rows = useMemo(() => railRows(summaries, colours, new Set(ids), search), [summaries, colours, ids, search]);
  const toggle = (id: string) => {
    const next = toggleRun(ids, id);
    if (next !== undefined) navigate({ runs: next });
  };
  return (
    <nav
      className={open ? "rail open" : "rail"}
      aria-label="Runs"
      onKeyDown={(event) => event.key === "Escape" && onClose()}
    >
      <div className="rail-brand">
        <img src="/favicon.svg" alt="" width={20} height={20} />
        <strong>moescope</strong>
        <button ref={closeButton} type="button" className="button quiet rail-close" onClick={onClose}>
          Close
        </button>
      </div>
      <input
        id="run-search"
        type="search"
        className="rail-search"
        placeholder="Search runs  /"
        aria-label="Search runs"
        value={search}
        onChange={(event) => setSearch(event.target.value)}
      />
      <ul className="rail-runs">
        {rows.map((row) => (
          <RunRow key={row.id} row={row} full={ids.length >= MOST_RUNS} onToggle={() => toggle(row.id)} />
        ))}
      </ul>
      {rows.length === 0 && summaries.length > 0 && <p className="rail-nothing">No run matches “{search}”.</p>}
      <footer className="rail-foot">
        {plural(summaries.length, "run")}, {ids.length} shown
        {address.runs !== "newest" && (
          <button type="button" className="button quiet" onClick={() => navigate({ runs: "newest" })}>
            Show newest
          </button>
        )}
      </footer>
    </nav>
  );
}

function RunRow({ row, full, onToggle }: { row: RailRow; full: boolean; onToggle: () => void }) {
  const blocked = full && !row.shown;
  return (
    <li>
      <label
        className={row.shown ? "rail-run shown" : "rail-run"}
        title={blocked ? `At most ${MOST_RUNS} runs at once` : row.id}
      >
        <input
          type="checkbox"
          checked={row.shown}
          disabled={blocked}
          onChange={onToggle}
          aria-label={`Show ${row.name}`}
        />
        <span
          className="rail-chip"
          style={{
            background: row.shown ? `var(--run-${row.colour})` : undefined,
            borderColor: `var(--run-${row.colour})`,
          }}
        />
        <span className="rail-name">{row.name}</span>
        <StateDot state={row.state} />
        <span className="rail-detail">
          {row.strategy} · step {row.progress.text}
        </span>
        <span className="rail-numbers">
          loss <b>{row.loss}</b> · MaxVio <b>{row.maxViolation}</b>
        </span>
        {row.state === "live" && row.progress.share !== undefined && (
          <progress max={1} value={row.progress.share} aria-label={`Progress of ${row.name}`} />
        )}
      </label>
    </li>
  );
}
