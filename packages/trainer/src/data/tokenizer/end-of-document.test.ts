import { describe, expect, test } from "vitest";
import { useDataFolder } from "../data-folder.fixture.ts";
import { openTokenizer } from "../tokenizer.ts";
import { fixture, type Values } from "./tokenizers.fixture.ts";

const folder = useDataFolder();

/** Writes the tokenizer of a family with the files that lie beside it, alone in a folder. */
function write(name: string, family: string, beside: Record<string, Values> = {}): string {
  for (const [file, values] of Object.entries(beside)) folder.write(`${name}/${file}`, JSON.stringify(values));
  return folder.write(`${name}/tokenizer.json`, JSON.stringify(fixture.tokenizers[family]!.file));
}

/** The end's text, and what was said. */
function endOf(path: string, end?: string): { end: string | undefined; notices: string[] } {
  const notices: string[] = [];
  const tokenizer = openTokenizer(path, { end, notice: (line) => notices.push(line) });
  return { end: tokenizer.end === undefined ? undefined : tokenizer.textOf(tokenizer.end), notices };
}

function idOf(family: string, token: string): number {
  return (fixture.tokenizers[family]!.file.added_tokens as { id: number; content: string }[]).find(
    ({ content }) => content === token,
  )!.id;
}

const deepSeekEnd = "<\uff5cend\u2581of\u2581sentence\uff5c>";

describe("the end of a document", () => {
  test("of DeepSeek-V3 is an object in tokenizer_config.json", () => {
    const eos_token = { __type: "AddedToken", content: deepSeekEnd, lstrip: false, normalized: true, rstrip: false };
    const path = write("deepseek", "like DeepSeek-V3", { "tokenizer_config.json": { eos_token } });
    expect(endOf(path)).toEqual({ end: deepSeekEnd, notices: [] });
    expect(endOf(write("deepseek-alone", "like DeepSeek-V3"))).toEqual({ end: deepSeekEnd, notices: [] });
  });

  test("of Llama 3 is the first of several numbers, where no file names a token", () => {
    const [text, turn] = ["<|end_of_text|>", "<|eot_id|>"].map((token) => idOf("like Llama 3", token));
    const list = { "generation_config.json": { eos_token_id: [text, turn] } };
    expect(endOf(write("llama", "like Llama 3", list)).end).toBe("<|end_of_text|>");
    const numbers = { "generation_config.json": { eos_token_id: [128_001, turn] } };
    expect(endOf(write("llama-other", "like Llama 3", numbers)).end).toBe("<|eot_id|>");
    const one = { "config.json": { eos_token_id: text } };
    expect(endOf(write("llama-config", "like Llama 3", one)).end).toBe("<|end_of_text|>");
    const instruct = { ...list, "tokenizer_config.json": { eos_token: "<|eot_id|>" } };
    expect(endOf(write("llama-instruct", "like Llama 3", instruct)).end).toBe("<|eot_id|>");
  });

  test("of Qwen is what its file names: the end of a turn in a chat model, the end of a text in a base model", () => {
    const named = (eos_token: string) => ({ "tokenizer_config.json": { eos_token } });
    const chat = write("qwen-chat", "like Qwen", named("<|im_end|>"));
    expect(endOf(chat).end).toBe("<|im_end|>");
    expect(endOf(write("qwen-base", "like Qwen", named("<|endoftext|>"))).end).toBe("<|endoftext|>");
    expect(endOf(write("qwen-alone", "like Qwen")).end).toBe("<|endoftext|>");
    expect(endOf(chat, "<|endoftext|>")).toEqual({ end: "<|endoftext|>", notices: [] });
    expect(endOf(chat, "none")).toEqual({ end: undefined, notices: [] });
    const keys = ["<|endoftext|>", "<|im_end|>", "none"].map((end) => openTokenizer(chat, { end }).key);
    expect(new Set([...keys, openTokenizer(chat).key]).size).toBe(3);
  });

  test("may be in special_tokens_map.json alone", () => {
    for (const eos_token of ["<|im_end|>", { content: "<|im_end|>", special: true }]) {
      const files = { "tokenizer_config.json": { eos_token: null }, "special_tokens_map.json": { eos_token } };
      expect(endOf(write("map", "like Qwen", files)).end).toBe("<|im_end|>");
    }
  });

  test("that a file names and the tokenizer lacks is said, and the next file is asked", () => {
    const path = write("lacking", "like Qwen", { "tokenizer_config.json": { eos_token: "</done>" } });
    const { end, notices } = endOf(path);
    expect(end).toBe("<|endoftext|>");
    expect(notices).toEqual([expect.stringMatching(/tokenizer_config\.json names "<\/done>" as eos_token, which the/)]);
  });

  test("that is no token is refused, and so is one for bytes", async () => {
    expect(() => endOf(write("wrong", "like Qwen"), "<end>")).toThrow(
      /data\.end is "<end>", which is no token of .*wrong/,
    );
    const text = folder.write("plain.txt", "text ".repeat(400));
    await expect(folder.open(text, { end: "<end>" })).rejects.toThrow(/data\.end is "<end>", and bytes are the tokens/);
  });
});

describe("documents", () => {
  const documents = `${Array.from({ length: 200 }, () => JSON.stringify({ text: "a word" })).join("\n")}\n`;

  test("without an end are joined without a mark, and one line says so", async () => {
    const glob = folder.write("joined.jsonl", documents);
    folder.notices.length = 0;
    const corpus = await folder.open(glob, { tokenizer: write("joined", "WordLevel") });
    expect(folder.notices.filter((line) => line.includes("joined without a mark"))).toEqual([
      expect.stringMatching(/no eos_token beside .*joined.tokenizer\.json; --set data\.end=TOKEN names one/),
    ]);
    expect(textOf(corpus)).toMatch(/^(awordaword)+a?$|^word(aword)+a?$/);
  });

  test("have the chosen end after each", async () => {
    const glob = folder.write("ended.jsonl", documents);
    folder.notices.length = 0;
    const corpus = await folder.open(glob, { tokenizer: write("ended", "WordLevel"), end: "hug" });
    expect(folder.notices.filter((line) => line.includes("mark"))).toEqual([]);
    expect(textOf(corpus)).toMatch(/(awordhug){15,}/);
  });

  function textOf(corpus: Awaited<ReturnType<typeof folder.open>>): string {
    const { tokens } = corpus.batchAt(0);
    return Array.from(tokens.subarray(0, 64), (token) => corpus.textOf(token)).join("");
  }
});
