// Rows of the routing traces that tools for llama.cpp write.
//
// llama.cpp itself (ggml-org/llama.cpp, master, November 2026) writes none. Three tools called llama-moe-trace do; all read the tensors
// `ffn_moe_topk-<layer>` as the graph is computed, and write to MOE_TRACE_OUT. They are told apart by their first line:
// - ggml-org/llama.cpp pull request 28544 (open, September 2026), examples/moe-trace: no header, `layer,expert`, a row an assignment.
// - thecodacus/llama.cpp, tools/moe-trace at commit 0bc799a0: no header, `position,layer,id0,id1,…`, a row a token; positions of the prompt
//   are negative.
// - Cartaz/llama.cpp-vulkan-moe, examples/moe-trace at commit 9149912a: header `phase,token,layer,rank,expert`, a row an assignment; phase is
//   prefill or decode.
// A forward pass writes its layers one after another, each with all its tokens. Traces are joined with `cat`.
import { LIMITS } from "@moescope/proto";
import { Failure } from "../../failure.ts";
import { MOST_IN_MESSAGE } from "../counted-step.ts";
import { isWhole } from "../json-lines.ts";
import { readLines } from "../read-lines.ts";

export type Phase = "prefill" | "decode" | "all";

/** Some choices of one layer: of one token, or one of a token's. */
export interface TraceRow {
  phase: Phase;
  /** Which token of the trace, where it is said. */
  token?: number;
  layer: number;
  experts: number[];
  where: string;
}

/** A row, and how many choices a token has at least, where the row says. */
type ReadRow = { row: TraceRow; topK?: number };

interface Variant {
  row(fields: readonly string[], where: string): ReadRow;
  /** Whether the tool reads ids of several tokens as if they lay side by side, which in llama.cpp they do not. */
  ignoresStride: boolean;
}

const HEADER = "phase,token,layer,rank,expert";

const assignments: Variant = {
  ignoresStride: true,
  row: ([layer, expert, ...more], where) => {
    if (more.length > 0)
      throw new Failure(`${where} has ${more.length + 2} fields, but the first line has layer,expert`);
    return {
      row: { phase: "all", layer: index(layer, "layer", where), experts: [index(expert, "expert", where)], where },
    };
  },
};

const tokens: Variant = {
  ignoresStride: true,
  row: ([position, layer, ...ids], where) => {
    const token = Number(position);
    if (!/^-?\d+$/.test(position!) || !Number.isSafeInteger(token))
      throw new Failure(`${where}: the position is ${JSON.stringify(position)}; allowed are whole numbers`);
    if (ids.length === 0) throw new Failure(`${where} names no expert`);
    const experts = ids.map((id) => index(id, "expert", where));
    const phase = token < 0 ? "prefill" : "decode";
    return { row: { phase, token, layer: index(layer, "layer", where), experts, where }, topK: ids.length };
  },
};

const headed: Variant = {
  ignoresStride: false,
  row: ([phase, token, layer, rank, expert, ...more], where) => {
    if (more.length > 0 || expert === undefined) throw new Failure(`${where} has not the five fields ${HEADER}`);
    if (phase !== "prefill" && phase !== "decode")
      throw new Failure(`${where}: phase is ${JSON.stringify(phase)}; allowed are prefill and decode`);
    const experts = [index(expert, "expert", where)];
    const row = {
      phase,
      token: index(token, "token", where),
      layer: index(layer, "layer", where),
      experts,
      where,
    } as const;
    return { row, topK: index(rank, "rank", where) + 1 };
  },
};

export interface Trace {
  ignoresStride: boolean;
  /** From the beginning. @throws Failure that names the line which is wrong */
  rows(): AsyncGenerator<ReadRow>;
}

/** @throws Failure when the first line is of no trace */
export async function openTrace(path: string): Promise<Trace> {
  const variant = await variantOf(path);
  return { ignoresStride: variant.ignoresStride, rows: () => rowsOf(path, variant) };
}

async function variantOf(path: string): Promise<Variant> {
  for await (const { text } of readLines(path)) {
    if (text.trim() === "") continue;
    if (text.trim() === HEADER) return headed;
    const fields = text.split(",").length;
    if (/^-?\d+(,\d+)*$/.test(text.trim()) && fields >= 2) return fields === 2 ? assignments : tokens;
    throw new Failure(
      `${path} begins with ${JSON.stringify(text.slice(0, 80))}; a trace of llama.cpp begins with ${HEADER}, layer,expert or position,layer,expert,…`,
    );
  }
  throw new Failure(`${path} is empty`);
}

async function* rowsOf(path: string, variant: Variant): AsyncGenerator<ReadRow> {
  for await (const { text, number, ended } of readLines(path)) {
    const line = text.trim();
    if (line === "" || line === HEADER) continue;
    // Numbers that are cut off are numbers still, so a line without its end says nothing.
    if (!ended) return;
    yield variant.row(line.split(","), `${path}, line ${number}`);
  }
}

/** Largest numbers that a collector takes. */
const most: Record<string, number> = { expert: LIMITS.experts.most - 1, layer: MOST_IN_MESSAGE };

function index(text: string | undefined, name: string, where: string): number {
  const value = Number(text);
  const largest = most[name] ?? Number.MAX_SAFE_INTEGER;
  if (text !== undefined && /^\d+$/.test(text) && isWhole(value) && value <= largest) return value;
  throw new Failure(
    `${where}: ${name} is ${JSON.stringify(text ?? "")}; allowed are whole numbers from 0 to ${largest}`,
  );
}
