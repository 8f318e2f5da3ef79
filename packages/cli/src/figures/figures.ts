// The figures by name, each drawn from the stored history of runs.
import type { FigureMaker } from "./figure.ts";
import { relativeLoad } from "./relative-load.ts";

export const figures: Readonly<Record<string, FigureMaker>> = { "relative-load": relativeLoad };
