// Progress on stderr: a bar on a terminal; elsewhere a plain line every five seconds and at every tenth of the way.
import { MultiBar } from "cli-progress";
import { attended, divertNotes, note } from "./lines.ts";
import { visible } from "./visible.ts";

export interface Progress {
  /** @param details what stands beside the bar */
  update(done: number, details: string, total?: number): void;
  stop(): void;
}

const plainInterval = 5000;

/** The longest details that are drawn whole on a terminal of 80 columns. */
const detailsWidth = 66;

export function startProgress(total: number): Progress {
  return attended() ? new Bar(total) : new PlainLines(total);
}

class Bar implements Progress {
  readonly #bars: MultiBar;
  readonly #bar: ReturnType<MultiBar["create"]>;
  readonly #endDiversion: () => void;

  constructor(total: number) {
    const room = (process.stderr.columns ?? 80) - detailsWidth;
    this.#bars = new MultiBar({
      format: "{bar} {details}",
      barCompleteChar: "█",
      barIncompleteChar: "░",
      barsize: Math.max(8, Math.min(24, room)),
      hideCursor: true,
      stream: process.stderr,
      fps: 10,
      // The signals are interruption.ts's; the cursor comes back with stop().
      gracefulExit: false,
    });
    this.#bar = this.#bars.create(total, 0, { details: "" });
    this.#endDiversion = divertNotes((text) => {
      this.#bars.log(text);
      this.#bars.update();
    });
  }

  update(done: number, details: string, total?: number): void {
    if (total !== undefined) this.#bar.setTotal(total);
    this.#bar.update(done, { details: visible(details) });
  }

  stop(): void {
    this.#endDiversion();
    this.#bars.stop();
  }
}

class PlainLines implements Progress {
  #total: number;
  #lastAt = performance.now();
  #lastTenth = 0;

  constructor(total: number) {
    this.#total = total;
  }

  update(done: number, details: string, total = this.#total): void {
    this.#total = total;
    const now = performance.now();
    const tenth = Math.floor((10 * done) / total);
    if (tenth <= this.#lastTenth && now - this.#lastAt < plainInterval) return;
    this.#lastTenth = tenth;
    this.#lastAt = now;
    note(details);
  }

  stop(): void {}
}
