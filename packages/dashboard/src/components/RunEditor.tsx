// What a person writes on a run, for everybody or for themselves; and the run's end, which is for everybody.
import type { v1 } from "@moescope/proto";
import { type FormEvent, useState } from "react";
import { navigate } from "../address/use-address.ts";
import type { Annotation } from "../api/client.ts";
import { idOf } from "../data/chosen-runs.ts";
import { client, queries } from "../data/collector.ts";
import { RUN_COLOURS } from "../data/run-colours.ts";
import { annotationOf, markRun } from "../data/run-marks.ts";
import type { Scene } from "../data/scene.ts";
import { CopyButton } from "./CopyButton.tsx";
import { Dialog } from "./Dialog.tsx";
import "./run-editor.css";

interface RunEditorProps {
  scene: Scene;
  /** Id of the run; undefined: closed. */
  run: string | undefined;
  onClose: () => void;
}

export function RunEditor({ scene, run, onClose }: RunEditorProps) {
  return (
    <Dialog open={run !== undefined} onClose={onClose} className="run-editor" labelledBy="run-editor-title">
      {run !== undefined && <RunForm key={run} scene={scene} run={run} onClose={onClose} />}
    </Dialog>
  );
}

/** Takes the place of what was kept in this browser. */
const NOTHING_WRITTEN = { name: "", tags: [], notes: "" };

function RunForm({ scene, run, onClose }: RunEditorProps & { run: string }) {
  const summary = scene.summaries?.find((each) => idOf(each) === run);
  const mark = scene.written[run] ?? {};
  const before = annotationOf(summary ?? {}, mark);
  const [saving, setSaving] = useState(false);
  const [problem, setProblem] = useState<string>();
  const save = async (data: FormData) => {
    const { annotation, pinned, colour } = readForm(data);
    markRun(run, { pinned, colour });
    setSaving(true);
    try {
      // Who may only look has a colour and a pin all the same.
      if (isNews(annotation, summary?.annotation)) await client.annotate(run, annotation);
      markRun(run, NOTHING_WRITTEN);
      onClose();
      await queries.invalidateQueries({ queryKey: ["runs"] });
    } catch (error) {
      setSaving(false);
      setProblem(`Not kept: ${error instanceof Error ? error.message : error}`);
    }
  };
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    void save(new FormData(event.currentTarget));
  };
  return (
    <form onSubmit={submit}>
      <h2 id="run-editor-title">{summary?.run?.name || run}</h2>
      <p className="run-editor-id">
        <code>{run}</code> <CopyButton text={() => run}>Copy</CopyButton>
      </p>
      <label>
        Name
        <input name="name" className="text-field" defaultValue={before.name} placeholder="as the run calls itself" />
      </label>
      <label>
        Tags
        <input
          name="tags"
          className="text-field"
          defaultValue={before.tags?.join(", ")}
          placeholder="baseline, paper"
        />
      </label>
      <label>
        Notes
        <textarea name="notes" className="text-field" rows={4} defaultValue={before.notes} />
      </label>
      <Colours chosen={mark.colour} />
      <label className="run-editor-pin">
        <input type="checkbox" name="pinned" defaultChecked={mark.pinned ?? false} /> Pin to the top of the list
      </label>
      <p className="run-editor-note">
        Name, tags and notes are for everybody who looks at this collector. Colour and pin are yours, kept in this
        browser.
      </p>
      {problem && <p role="alert">{problem}</p>}
      <div className="run-editor-foot">
        <Deletion scene={scene} run={run} onClose={onClose} />
        <button type="button" className="button" onClick={onClose}>
          Cancel
        </button>
        <button type="submit" className="button primary" disabled={saving}>
          {saving ? "Saving…" : "Save"}
        </button>
      </div>
    </form>
  );
}

function isNews(annotation: Annotation, known: v1.Annotation.$Properties | null | undefined): boolean {
  const { name = "", tags = [], notes = "" } = known ?? {};
  return annotation.name !== name || annotation.notes !== notes || annotation.tags.join() !== tags.join();
}

function readForm(data: FormData) {
  const text = (name: string) => String(data.get(name) ?? "").trim();
  const tags = text("tags").split(",");
  return {
    annotation: {
      name: text("name"),
      tags: tags.map((tag) => tag.trim()).filter((tag) => tag !== ""),
      notes: text("notes"),
    },
    pinned: data.get("pinned") !== null,
    colour: text("colour") === "" ? undefined : Number(text("colour")),
  };
}

function Colours({ chosen }: { chosen: number | undefined }) {
  return (
    <fieldset className="run-editor-colours">
      <legend>Colour</legend>
      <label>
        <input type="radio" name="colour" value="" defaultChecked={chosen === undefined} />
        <span>its own</span>
      </label>
      {Array.from({ length: RUN_COLOURS }, (_, colour) => colour).map((colour) => (
        <label key={colour}>
          <input type="radio" name="colour" value={colour} defaultChecked={chosen === colour} />
          <span className="run-editor-chip" style={{ background: `var(--run-${colour})` }} />
          <span className="visually-hidden">colour {colour + 1}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** Asks once more: nothing brings a deleted run back but a backup. */
function Deletion({ scene, run, onClose }: { scene: Scene; run: string; onClose: () => void }) {
  const [state, setState] = useState<"idle" | "asking" | "deleting">("idle");
  const [problem, setProblem] = useState<string>();
  const remove = async () => {
    setState("deleting");
    try {
      await client.delete(run);
      const { runs } = scene.address;
      if (runs !== "newest") navigate({ runs: runs.filter((id) => id !== run) }, "replace");
      markRun(run, { ...NOTHING_WRITTEN, pinned: false, colour: undefined });
      await queries.invalidateQueries({ queryKey: ["runs"] });
      onClose();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setState("idle");
    }
  };
  return (
    <div className="run-editor-deletion">
      {problem && <p role="alert">{problem}</p>}
      {state === "idle" ? (
        <button type="button" className="button quiet" onClick={() => setState("asking")}>
          Delete run…
        </button>
      ) : (
        <button type="button" className="button danger" disabled={state === "deleting"} onClick={() => void remove()}>
          {state === "deleting" ? "Deleting…" : "Delete every step of it, for everybody"}
        </button>
      )}
    </div>
  );
}
