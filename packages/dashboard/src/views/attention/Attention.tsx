// Attention: what heads look at and what routers chose on the probe batch, at the newest probe up to the step cursor.
import { useMemo } from "react";
import { Card } from "../../components/Card.tsx";
import { CopyButton } from "../../components/CopyButton.tsx";
import { Blank, Notice } from "../../components/Notice.tsx";
import { LOADING } from "../../data/arrival.ts";
import { useLastComplete } from "../../data/use-last-complete.ts";
import { formatWhole } from "../../format/number.ts";
import type { ViewProps } from "../view-props.ts";
import { attentionState, type ProbeAnswer, probeSteps } from "./attention-model.ts";
import { AttentionCard, BinsCard } from "./FigureCards.tsx";
import { HeadMapCard, HeadTableCard } from "./HeadCards.tsx";
import { headRows } from "./heads-model.ts";
import { ProbeTrack } from "./ProbeTrack.tsx";
import { RouterCards } from "./RouterCards.tsx";
import { useProbeHistories, useProbes } from "./use-probes.ts";
import "./attention.css";

export default function Attention({ scene, theme }: ViewProps) {
  const answers = useProbes(scene);
  const { histories, requests } = useProbeHistories(answers, scene.address.range);
  const complete = answers.every(({ status }) => status !== "loading");
  const { shown = answers, stale } = useLastComplete(complete ? answers : undefined);
  const state = attentionState(shown);
  const probes = probeSteps(shown, scene.cursor.live ? Number.POSITIVE_INFINITY : scene.cursor.step);
  if (state.kind === "loading") {
    return (
      <Card title="Attention by token class" name="attention-by-token" sentence={LOADING}>
        <div style={{ height: 400 }} />
      </Card>
    );
  }
  if (state.kind === "failed") return <Blank title="Nothing was fetched">{state.text}</Blank>;
  if (state.kind === "never") return <NoProbes />;
  return (
    <>
      <ProbeTrack probes={probes} last={scene.cursor.last} />
      {state.kind === "later" ? (
        <Blank title="No probe yet">
          {`At step ${formatWhole(scene.cursor.step)} none of these runs had been probed. The first probe is of step ${formatWhole(state.first)}.`}
        </Blank>
      ) : (
        <div className={stale ? "attention stale" : "attention"} aria-busy={stale}>
          {state.without !== undefined && <Notice kind="info">{state.without}</Notice>}
          <Probed scene={scene} theme={theme} answers={shown} />
          <RouterCards scene={scene} histories={histories} answers={shown} requests={requests} />
        </div>
      )}
    </>
  );
}

function Probed({ scene, theme, answers }: ViewProps & { answers: readonly ProbeAnswer[] }) {
  const { address } = scene;
  const key = answers
    .map(({ chosen, probe }) => `${chosen.id} ${chosen.label} ${probe?.step} ${probe?.attempt}`)
    .join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a stored probe does not change
  const probed = useMemo(
    () => answers.flatMap(({ chosen, probe }) => (probe === undefined ? [] : [{ chosen, run: chosen.run, probe }])),
    [key],
  );
  const labels = useMemo(() => new Map(probed.map(({ chosen }) => [chosen.id, chosen.label])), [probed]);
  const heads = useMemo(
    () => probed.map(({ chosen, probe }) => headRows(chosen.id, chosen.label, probe)).filter((rows) => rows.length > 0),
    [probed],
  );
  const requests = probed.map(
    ({ chosen, probe }) => `/api/v1/runs/${encodeURIComponent(chosen.id)}/probe?step=${probe.step ?? 0}`,
  );
  return (
    <>
      <AttentionCard address={address} runs={probed} labels={labels} requests={requests} />
      <BinsCard address={address} runs={probed} labels={labels} requests={requests} />
      {heads.length > 0 && (
        <>
          <HeadMapCard address={address} runs={heads} requests={requests} theme={theme} />
          <HeadTableCard address={address} runs={heads} requests={requests} />
        </>
      )}
    </>
  );
}

const HOW = "moescope train --set probe.every=50";

function NoProbes() {
  return (
    <Blank title="No probes">
      <p>
        These runs were not probed. A probe runs a fixed batch through the model every so many steps and measures where
        attention goes, what kind each head is, and which choices of the routers changed.
      </p>
      <p>Train with:</p>
      <pre>{HOW}</pre>
      <CopyButton text={() => HOW}>Copy</CopyButton>
      <p>
        A model in PyTorch is probed by the Python client: <code>run.probe(model, tokens, text=tokenizer.decode)</code>.
      </p>
    </Blank>
  );
}
