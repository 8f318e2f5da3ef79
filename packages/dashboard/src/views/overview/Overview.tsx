// The first look: are my runs healthy?

import type { v1 } from "@moescope/proto";
import { useQueries } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { Theme } from "../../address/address.ts";
import { navigate } from "../../address/use-address.ts";
import { PinMark } from "../../components/PinMark.tsx";
import { ReportButton } from "../../components/ReportButton.tsx";
import { RunEditor } from "../../components/RunEditor.tsx";
import { Sparkline } from "../../components/Sparkline.tsx";
import { StateDot } from "../../components/StateDot.tsx";
import { Explained, Term } from "../../components/Term.tsx";
import { attemptOf, attemptParameter, idOf } from "../../data/chosen-runs.ts";
import { client, queries } from "../../data/collector.ts";
import { annotationOf } from "../../data/run-marks.ts";
import { isLive } from "../../data/run-state.ts";
import type { Scene } from "../../data/scene.ts";
import type { ViewProps } from "../view-props.ts";
import { LayerStrip } from "./LayerStrip.tsx";
import { ListOrder } from "./ListOrder.tsx";
import { type OverviewRow, overviewRow, overviewSentence } from "./overview-model.ts";
import { type TrainingHistory, VERDICT_MEANING } from "./verdict.ts";
import "./overview.css";

/** Buckets of a run's history that its verdict and its sparklines are made from. */
const POINTS = 64;
/** A live run's verdict is this old at most, milliseconds, unless it is on screen and comes live. */
const REFRESH = 10_000;

export function Overview({ scene, theme }: ViewProps) {
  const { groups, chosen, colours, written, address } = scene;
  const listed = useMemo(() => groups.flatMap(({ runs }) => runs), [groups]);
  const histories = useHistories(listed, scene.timelines, address.attempt);
  const rows = useMemo(
    () => new Map(listed.map((summary, place) => [idOf(summary), overviewRow(summary, histories[place], Date.now())])),
    [listed, histories],
  );
  const [edited, setEdited] = useState<string>();
  const shown = chosen.map(({ id }) => id);
  return (
    <section aria-label="Overview" className="overview">
      <header>
        <h1>Overview</h1>
        <p data-testid="sentence">{overviewSentence([...rows.values()])}</p>
      </header>
      <ListOrder scene={scene} />
      <div className="overview-head" aria-hidden="true">
        <span>Run</span>
        <span>Verdict</span>
        <span>Layers over steps</span>
        <span>Step</span>
        <span>Loss</span>
        <span>MaxVio</span>
        <span>Dead experts</span>
      </div>
      {groups.map(({ title, runs }) => (
        <section key={title} aria-label={title || "Runs"} className="overview-group">
          {title !== "" && <h2>{title}</h2>}
          <ul>
            {runs.map((summary) => (
              <RunCard
                key={idOf(summary)}
                row={rows.get(idOf(summary))!}
                colour={colours.get(idOf(summary)) ?? 0}
                pinned={written[idOf(summary)]?.pinned === true}
                tags={summary.run?.tags ?? []}
                notes={annotationOf(summary, written[idOf(summary)]).notes}
                shown={shown}
                theme={theme}
                onEdit={() => setEdited(idOf(summary))}
              />
            ))}
          </ul>
        </section>
      ))}
      {groups.length === 0 && <p className="overview-nothing">No run matches “{address.filter}”.</p>}
      <RunEditor scene={scene} run={edited} onClose={() => setEdited(undefined)} />
    </section>
  );
}

interface RunCardProps {
  row: OverviewRow;
  colour: number;
  pinned: boolean;
  tags: readonly string[];
  notes: string | undefined;
  shown: readonly string[];
  theme: Theme;
  onEdit: () => void;
}

function RunCard({ row, colour, pinned, tags, notes, shown, theme, onEdit }: RunCardProps) {
  const runs = shown.includes(row.id) ? shown : [...shown.slice(0, 1), row.id];
  const blame = row.blame;
  return (
    <li className="overview-row" data-testid={`run-${row.id}`}>
      <div className="overview-run">
        <span className="chip" style={{ background: `var(--run-${colour})` }} />
        <div>
          <strong>
            {pinned && <PinMark />}
            {row.name}
          </strong>
          <small>
            {row.strategy && `${row.strategy} · `}seed {row.seed} · <StateDot state={row.state} /> ·{" "}
            <button type="button" className="link" aria-label={`Edit ${row.name}`} onClick={onEdit}>
              Edit
            </button>{" "}
            · <ReportButton run={row.id} name={row.name} />
          </small>
          {tags.length > 0 && <p className="overview-tags">{tags.map((tag) => `#${tag}`).join(" ")}</p>}
          {notes && <p className="overview-notes">{notes}</p>}
        </div>
      </div>
      <div className="overview-verdict">
        <Explained
          className={`verdict ${row.verdict.replace(" ", "-")}${row.loading ? " late" : ""}`}
          text={VERDICT_MEANING[row.verdict]}
        >
          {row.loading ? "loading" : row.verdict}
        </Explained>
        <p className="overview-sentence">
          {row.sentence}{" "}
          {blame !== undefined && (
            <button
              type="button"
              className="link"
              onClick={() => navigate({ view: "layers", runs, layer: blame.layer, expert: blame.expert, step: "live" })}
            >
              Show layer {blame.layer}
              {blame.expert === undefined ? "" : `, expert ${blame.expert}`}
            </button>
          )}
        </p>
      </div>
      <div className="overview-strip">
        <small>Layers over steps</small>
        <LayerStrip strip={row.strip} loading={row.loading} theme={theme} name={row.name} />
      </div>
      <div className="overview-number">
        <small>Step</small>
        <b>{row.progress.text}</b>
        <small className="always">{row.speed ?? ""}</small>
      </div>
      <div className="overview-number">
        <small>Loss</small>
        <b>{row.loss}</b>
        <Sparkline values={row.lossTrace} label={`Loss of ${row.name} over its steps`} />
        {row.validationLoss && <small className="always">validation {row.validationLoss}</small>}
      </div>
      <div className="overview-number">
        <small>
          <Term name="MaxVio" />
        </small>
        <b>{row.maxViolation}</b>
        <Sparkline values={row.maxViolationTrace} floor={0} label={`MaxVio of ${row.name} over its steps`} />
      </div>
      <div className="overview-number">
        <small>
          <Term name="dead expert">Dead experts</Term>
        </small>
        <b>{row.deadExperts}</b>
        <small className="always">of {row.allExperts}</small>
      </div>
    </li>
  );
}

/** Coarse histories of all runs, in the order of the list; of those on screen the live ones. */
function useHistories(
  summaries: readonly v1.RunSummary.$Properties[],
  timelines: Scene["timelines"],
  wanted: number | undefined,
): TrainingHistory[] {
  const liveOf = (run: string) =>
    timelines.find((each) => each.run === run && each.status === "ready" && each.split === "train");
  const answers = useQueries({
    queries: summaries.map((summary) => {
      const attempt = attemptOf(summary, wanted);
      const query = { run: idOf(summary), points: POINTS, ...attemptParameter({ attempt }) };
      const key = ["coarse", query.run, attempt];
      return {
        queryKey: [...key, isLive(summary) ? "live" : summary.steps],
        queryFn: ({ signal }: { signal: AbortSignal }) => client.history(query, signal),
        // What is known of a run stays when it goes on, ends or starts again.
        placeholderData: () => newestHistory(key),
        enabled: liveOf(query.run) === undefined,
        refetchInterval: isLive(summary) ? REFRESH : (false as const),
        staleTime: Number.POSITIVE_INFINITY,
      };
    }),
    combine: (results) => results.map(({ data, error }) => data?.buckets ?? (error ? ("failed" as const) : undefined)),
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: liveOf looks into the timelines alone
  return useMemo(
    () => summaries.map((summary, place) => liveOf(idOf(summary))?.buckets ?? answers[place]),
    [summaries, timelines, answers],
  );
}

function newestHistory(key: readonly unknown[]): v1.History | undefined {
  const answers = queries.getQueriesData<v1.History>({ queryKey: key });
  return answers.findLast(([, data]) => data !== undefined)?.[1];
}
