// The built-in source `shapes`: pictures of coloured shapes with captions, generated as they are needed.
import { isHeldOut } from "../held-out.ts";
import type { Random } from "../random.ts";
import type { OpeningData, SourceData, Split } from "../source-data.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { checkRoomForPairs, fillWithPairs, imageCategories, type Pair } from "./pairs.ts";
import { patchSize } from "./picture.ts";
import { describeScene, drawScene, paintScene, type Scene, sceneKey } from "./scene.ts";

/** @throws DataError when rows are too short for an image */
export function shapes({ rowTokens, tokenizer }: OpeningData): SourceData {
  checkRoomForPairs("shapes", rowTokens);
  return {
    origin: "Generated pictures of coloured shapes, with captions",
    categories: imageCategories,
    files: 0,
    tokens: 0,
    heldOutTokens: 0,
    patchSize,
    fill: (split, random, row) => fillWithPairs(row, () => drawPair(split, random, tokenizer)),
  };
}

/** A scene that validation may show is never trained on. */
export function drawSceneOf(split: Split, random: Random): Scene {
  for (;;) {
    const scene = drawScene(random);
    if (isHeldOut(sceneKey(scene)) === (split === "validation")) return scene;
  }
}

function drawPair(split: Split, random: Random, tokenizer: Tokenizer): Pair {
  const scene = drawSceneOf(split, random);
  const picture = paintScene(scene, random);
  const caption = Array.from(tokenizer.encode(describeScene(scene, random)));
  if (tokenizer.end !== undefined) caption.push(tokenizer.end);
  return { picture, caption };
}
