// The run list at the left: search, tick what to show.
import { useEffect, useMemo, useRef, useState } from "react";
import { MOST_RUNS } from "../address/address.ts";
import { navigate } from "../address/use-address.ts";
import { PinMark } from "../components/PinMark.tsx";
import { RunEditor } from "../components/RunEditor.tsx";
import { StateDot } from "../components/StateDot.tsx";
import { toggleRun } from "../data/chosen-runs.ts";
import type { Scene } from "../data/scene.ts";
import { plural } from "../format/sentence.ts";
import { type RailRow, railRow } from "./rail-model.ts";
import "./rail.css";

export function Rail({ scene, open, onClose }: { scene: Scene; open: boolean; onClose: () => void }) {
  const { summaries = [], groups, written, colours, chosen, address } = scene;
  const [edited, setEdited] = useState<string>();
  const closeButton = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (open) closeButton.current?.focus();
  }, [open]);
  const ids = useMemo(() => chosen.map(({ id }) => id), [chosen]);
  const listed = useMemo(() => {
    const shown = new Set(ids);
    return groups.map(({ title, runs }) => ({
      title,
      rows: runs.map((summary) => railRow(summary, colours, shown, written)),
    }));
  }, [groups, colours, ids, written]);
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
        placeholder="Filter runs  /"
        title="Words, or conditions such as model.experts=64 and loss<2"
        aria-label="Filter runs by words, or by conditions such as model.experts=64"
        value={address.filter}
        onChange={(event) => navigate({ filter: event.target.value }, "replace")}
      />
      <div className="rail-runs">
        {listed.map(({ title, rows }) => (
          <section key={title} aria-label={title || "Runs"}>
            {title !== "" && <h2>{title}</h2>}
            <ul>
              {rows.map((row) => (
                <RunRow
                  key={row.id}
                  row={row}
                  full={ids.length >= MOST_RUNS}
                  onToggle={() => toggle(row.id)}
                  onEdit={() => setEdited(row.id)}
                />
              ))}
            </ul>
          </section>
        ))}
        {listed.length === 0 && summaries.length > 0 && (
          <p className="rail-nothing">No run matches “{address.filter}”.</p>
        )}
      </div>
      <RunEditor scene={scene} run={edited} onClose={() => setEdited(undefined)} />
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

interface RunRowProps {
  row: RailRow;
  /** As many runs are shown as can be told apart. */
  full: boolean;
  onToggle: () => void;
  onEdit: () => void;
}

function RunRow({ row, full, onToggle, onEdit }: RunRowProps) {
  const blocked = full && !row.shown;
  return (
    <li className="rail-item">
      <label
        className={row.shown ? "rail-run shown" : "rail-run"}
        title={blocked ? `At most ${MOST_RUNS} runs at once` : `${row.name}\n${row.id}`}
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
        <span className="rail-name">
          {row.pinned && <PinMark />}
          {row.name}
        </span>
        <StateDot state={row.state} />
        <span className="rail-detail">
          {row.strategy && `${row.strategy} · `}step {row.progress.text}
        </span>
        <span className="rail-numbers">
          loss <b>{row.loss}</b> · MaxVio <b>{row.maxViolation}</b>
        </span>
        {row.state === "live" && row.progress.share !== undefined && (
          <progress max={1} value={row.progress.share} aria-label={`Progress of ${row.name}`} />
        )}
      </label>
      <button type="button" className="rail-edit" aria-label={`Name, tags and notes of ${row.name}`} onClick={onEdit}>
        …
      </button>
    </li>
  );
}
