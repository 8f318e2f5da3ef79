// ERC loss: every expert should answer its own router column more strongly than any other expert does, and than it answers others'.
//
// D width, E experts, F hidden width of one expert.
import { Random } from "../data/random.ts";
import { batchProduct } from "../ops/matrix-product.ts";
import { type Scalar, type Tensor2D, type Tensor3D, tf } from "../runtime/tf.ts";
import { requireNotNegative, requireShare, type StrategyDefinition } from "./strategy.ts";

/** Key of the random stream of the noise. */
const STREAM = 12;

/**
 * M_ij = ‖(R_i ⊙ δ_i) W_gate^j‖ with δ uniform in 1 ± ε_i, ε_i = min_j ‖R_i − R_j‖ / (2 ‖R_i‖); the loss is the mean over all i ≠ j of
 * max(M_ij − α M_ii, 0) + max(M_ji − α M_ii, 0) (arXiv 2512.23447). `ercCoefficient` is its weight, `slack` α.
 */
export const erc: StrategyDefinition<{ ercCoefficient: number; slack: number }> = {
  summary: "router columns coupled to their experts (ERC loss)",
  kind: "regulariser",
  scaled: true,
  defaults: { ercCoefficient: 1, slack: 1 },
  create({ ercCoefficient, slack }, { seed, identityExperts }) {
    requireNotNegative("ercCoefficient", ercCoefficient);
    requireShare("slack", slack);
    if (identityExperts > 0) {
      throw new RangeError(
        `model.identityExperts is ${identityExperts}; they have no weights that ERC could couple: set it to 0`,
      );
    }
    return {
      layerLoss: ({ router_DE, wIn_ED2F, context: { step, moeLayer } }) => {
        const noise_ED = uniformAround(router_DE!, new Random(STREAM, seed, step, moeLayer));
        return tf.mul(ercLoss(router_DE!, wIn_ED2F, noise_ED, slack), ercCoefficient);
      },
    };
  },
};

/** @param noise_ED δ, what router columns are multiplied by */
export function ercLoss(router_DE: Tensor2D, wIn_ED2F: Tensor3D, noise_ED: Tensor2D, slack: number): Scalar {
  const [experts, width, both] = wIn_ED2F.shape;
  const gate_EDF = tf.slice(wIn_ED2F, [0, 0, 0], [experts, width, both / 2]) as Tensor3D;
  const probes_ED = tf.mul(tf.transpose(router_DE), noise_ED) as Tensor2D;
  const answers_EEF = batchProduct(tf.tile(tf.expandDims(probes_ED, 0), [experts, 1, 1]) as Tensor3D, gate_EDF);
  // Row j, column i of the product: what expert j answers probe i.
  const strength_EE = tf.transpose(tf.sqrt(tf.add(tf.sum(tf.square(answers_EEF), 2), 1e-12))) as Tensor2D;
  const off_EE = tf.sub(1, tf.eye(experts));
  const own_E1 = tf.sum(tf.mul(strength_EE, tf.eye(experts)), 1, true);
  const over = (x_EE: Tensor2D) => tf.relu(tf.sub(x_EE, tf.mul(own_E1, slack)));
  const both_EE = tf.add(over(strength_EE), over(tf.transpose(strength_EE)));
  return tf.mul(tf.sum(tf.mul(both_EE, off_EE)), 1 / (experts * experts)) as Scalar;
}

/** δ, one for each entry of the router: uniform in 1 ± half the relative distance to the nearest other column. */
function uniformAround(router_DE: Tensor2D, random: Random): Tensor2D {
  const [width, experts] = router_DE.shape;
  const router = router_DE.dataSync<"float32">();
  const column = (e: number) => Float32Array.from({ length: width }, (_, d) => router[d * experts + e]!);
  const columns = Array.from({ length: experts }, (_, e) => column(e));
  const delta = new Float32Array(experts * width);
  columns.forEach((own, e) => {
    const nearest = Math.min(...columns.filter((_, other) => other !== e).map((other) => distance(own, other)));
    const length = Math.hypot(...own);
    // A column of zeros stays one whatever it is multiplied by, and a single expert has no other.
    const reach = length > 0 && Number.isFinite(nearest) ? nearest / (2 * length) : 0;
    for (let d = 0; d < width; d++) delta[e * width + d] = 1 + reach * (2 * random.uniform() - 1);
  });
  return tf.tensor2d(delta, [experts, width]);
}

function distance(a: Float32Array, b: Float32Array): number {
  return Math.hypot(...a.map((value, i) => value - b[i]!));
}
