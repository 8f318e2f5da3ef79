// A run's configuration: what it holds.
import type { ModelOptions } from "../model/transformer.ts";
import type { AdamWOptions } from "../optimizer/adamw.ts";
import type { ScheduleOptions } from "../optimizer/schedule.ts";
import type { TokenClass } from "../probe/token-classes.ts";

export interface RecipeBody {
  steps: number;
  model: ModelOptions;
  data: {
    /** Sequences of a batch, and tokens of a sequence. */
    batch: number;
    sequence: number;
    /** Rows of a batch in random order, or category after category, so that micro-batches are of one kind (arXiv 2501.11873). */
    order: string;
    /** Token after every document: `auto`, as the tokenizer's files say; `none`; or the token itself, as in `<|endoftext|>`. */
    end: string;
    /** Held-out batches that an evaluation goes through. */
    validationBatches: number;
  };
  optimizer: AdamWOptions &
    ScheduleOptions & { /** Longest gradient; longer ones are scaled down. */ clipNorm: number };
  evaluation: {
    /** Steps between evaluations; the last step is always followed by one. 0: only then. */
    every: number;
  };
  probe: {
    /** Steps between probes; the last step is followed by one as well. 0: no probes at all. */
    every: number;
    /** Where attention may go; a token belongs to the first class it matches. */
    tokenClasses: TokenClass[];
  };
}

/** A named recipe: the body, and how each strategy is set for a run of this length where its own defaults do not fit. */
export interface NamedRecipe extends RecipeBody {
  summary: string;
  strategySettings?: Record<string, Record<string, number | boolean | string>>;
}

/** The configuration of one run, complete: as it is printed, stored and can be repeated from. */
export interface Recipe extends RecipeBody {
  recipe: string;
  seed: number;
  balancing: { strategy: string } & Record<string, number | boolean | string>;
}
