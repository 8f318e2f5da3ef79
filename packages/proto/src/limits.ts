// The most that a collector takes of what a sender chooses: one table for senders, for the collector that checks, and for README.md.

/** A character is a UTF-16 unit, as JavaScript counts them: most have one, an emoji has two. */
export interface Limit {
  most: number;
  /** What is counted, as README.md says it. */
  of: string;
  /** What honest senders have, which is far less. */
  why: string;
}

export const LIMITS = {
  runId: limit(
    128,
    "characters of `RunDescription.id`",
    "part of addresses and of file names, which may have 255 bytes",
  ),
  name: limit(1024, "characters of `RunDescription.name`", "a line that people read"),
  text: limit(1024, "characters of `recipe`, `strategy`, `code_version`, `parent`", "a name, a path or a commit"),
  configJson: limit(
    1_048_576,
    "characters of `config_json`",
    "a resolved configuration of a large framework has 50,000",
  ),
  tags: limit(256, "`RunDescription.tags`", "people give a handful"),
  tag: limit(256, "characters of a tag", "a word or two"),
  categories: limit(4096, "`categories`", "a corpus of every language that is written has some hundred"),
  categoryName: limit(256, "characters of a category's name, at least 1", "a word or a path"),
  layers: limit(16_384, "MoE layers", "the deepest models have some hundred"),
  experts: limit(65_536, "experts of a layer", "models have up to some thousand"),
  allExperts: limit(4_194_304, "experts of all layers together", "DeepSeek-V3 has 14,848"),
  group: limit(256, "characters of `MoeLayer.group`", "a word"),
  ranks: limit(1_048_576, "`ranks`", "the largest clusters have some hundred thousand accelerators"),
  scalars: limit(4096, "scalars of a step", "trainers log some dozen, with one for each layer some hundred"),
  scalarName: limit(256, "characters of a scalar's name, at least 1", "a word or a path"),
  scalarNames: limit(
    4096,
    "different names of scalars of a run over its life",
    "those of its steps are the same names",
  ),
  attention: limit(262_144, "`attention` of a step", "61 layers of 128 heads, and their means, are 7,869"),
  tokenClasses: limit(1024, "`token_class` of one head", "people compare a handful"),
  tokenClassName: limit(256, "characters of a token class, at least 1", "a token or a word"),
  heads: limit(262_144, "`heads` of a step", "61 layers of 128 heads are 7,808"),
  earlierSteps: limit(65_536, "`earlier_step` of one layer", "a run probes some thousand times"),
  reason: limit(65_536, "characters of `RunEnd.reason`", "a stack trace of 500 lines has 50,000"),
  annotationName: limit(200, "characters of `Annotation.name`", "a line that people read"),
  annotationTags: limit(50, "`Annotation.tags`", "people give a handful"),
  annotationTag: limit(100, "characters of an annotation's tag, at least 1", "a word or two"),
  annotationNotes: limit(10_000, "characters of `Annotation.notes`", "some pages"),
  fields: limit(
    1_000_000,
    "fields of a message",
    "a step of 61 layers × 128 heads with all that is known of each has 200,000",
  ),
  messageBytes: limit(
    33_554_432,
    "bytes of a message, unless the collector is told otherwise",
    "a step of DeepSeek-V3 has 500,000",
  ),
} as const satisfies Record<string, Limit>;

/** Milliseconds from the Unix epoch, either way, that a time may be away: beyond it JavaScript has no dates. */
export const FURTHEST_TIME = 8.64e15;

function limit(most: number, of: string, why: string): Limit {
  return { most, of, why };
}
