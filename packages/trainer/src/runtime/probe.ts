// What each backend can do on this machine, measured.
import { type Backend, BackendUnavailable } from "./backend.ts";
import { backends } from "./backends.ts";
import { type Tensor2D, tf } from "./tf.ts";

export type BackendProbe =
  | { name: string; works: true; device: string /** f32 matrix product, 10⁹ operations a second. */; gigaflops: number }
  | { name: string; works: false; missing: string; remedy: string };

/** Opens and measures every backend, one after the other; afterwards the one that was active before is active again. */
export async function probeBackends(candidates: readonly Backend[] = backends): Promise<BackendProbe[]> {
  const before = tf.engine().backendName as string | undefined;
  const probes: BackendProbe[] = [];
  for (const backend of candidates) probes.push(await probe(backend));
  if (before) await tf.setBackend(before);
  return probes;
}

async function probe({ name, open }: Backend): Promise<BackendProbe> {
  try {
    return { name, works: true, device: await open(), gigaflops: matrixProductGigaflops() };
  } catch (error) {
    if (!(error instanceof BackendUnavailable)) throw error;
    return { name, works: false, missing: error.message, remedy: error.remedy };
  }
}

/** A product that takes so long is measured well enough. */
const LONG_ENOUGH_MS = 50;
const LARGEST = 2048;

/** The active backend's speed at square f32 matrix products, in 10⁹ operations a second: the best of three. */
export function matrixProductGigaflops(): number {
  let size = 128;
  while (size < LARGEST && productMs(size) < LONG_ENOUGH_MS) size *= 2;
  const best = Math.min(productMs(size), productMs(size), productMs(size));
  return (2 * size ** 3) / best / 1e6;
}

function productMs(size: number): number {
  return tf.tidy(() => {
    const a = tf.randomUniform([size, size]) as Tensor2D;
    a.dataSync();
    const started = performance.now();
    tf.matMul(a, a).dataSync();
    return performance.now() - started;
  });
}
