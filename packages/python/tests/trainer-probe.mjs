// What the trainer's own probe makes of attention probabilities: `node trainer-probe.mjs FOLDER`, tests/test_probe.py writes the folder.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const packages = join(import.meta.dirname, "../..");
const load = (path) => import(join(packages, path));
const { openBackend } = await load("trainer/dist/runtime/backends.js");
const { tf } = await load("trainer/dist/runtime/tf.js");
const { sharesByClass, textScores, inductionScores, sharesOfUniform } = await load(
  "trainer/dist/probe/attention-measures.js",
);
const { classifyTokens, defaultTokenClasses } = await load("trainer/dist/probe/token-classes.js");
const { headCategory } = await load("metrics/dist/index.js");

await openBackend("cpu");
const folder = process.argv[2];
const { layers, heads, positions, tokens, texts } = JSON.parse(readFileSync(join(folder, "shape.json"), "utf8"));
const classes = [...defaultTokenClasses.map(({ name }) => name), "other"];
const classOf = classifyTokens(Int32Array.from(tokens.flat()), defaultTokenClasses, (token) => texts[token]);
const class_BSC = tf.reshape(tf.oneHot(tf.tensor1d(classOf, "int32"), classes.length), [-1, positions, classes.length]);
const [textScoresOf, inductionOf] = [textScores(positions), inductionScores(positions)];
const [text, repeats] = ["text", "repeats"].map((name) => attentionOf(name));

const measured = Array.from({ length: layers }, (_, layer) => {
  const shares = sharesByClass(text(layer), tf.cast(class_BSC, "float32")).arraySync();
  const scores = textScoresOf(text(layer)).arraySync();
  const inductions = inductionOf(repeats(layer)).arraySync();
  return scores.map(([previousToken, firstToken, local, broad], head) => {
    const profile = { previousToken, firstToken, induction: inductions[head], local, broad };
    return { shares: shares[head], profile, category: headCategory(profile) };
  });
});
const uniform = sharesOfUniform(tf.cast(class_BSC, "float32")).arraySync();
console.log(JSON.stringify({ classes, uniform, layers: measured }));

/** [B, H, S, S] of a layer, from a file of 32-bit floats of all of them. */
function attentionOf(name) {
  const bytes = readFileSync(join(folder, `${name}.f32`));
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const size = values.length / layers;
  return (layer) =>
    tf.tensor(values.slice(layer * size, (layer + 1) * size), [
      size / (heads * positions ** 2),
      heads,
      positions,
      positions,
    ]);
}
