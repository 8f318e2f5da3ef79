// The environment that a training process must be started with: it is read before any of our code runs.

/**
 * Large buffers go back to the kernel after every operation by default, and faulting them in again costs as much as the
 * arithmetic. These keep them, in huge pages.
 */
const ALLOCATOR: Record<string, number> = {
  "glibc.malloc.hugetlb": 1,
  "glibc.malloc.mmap_threshold": 2 ** 33,
  "glibc.malloc.trim_threshold": 2 ** 34,
  "glibc.malloc.top_pad": 2 ** 28,
};

/** Variables to add to `current` for a process that trains. What `current` sets itself stays. */
export function processEnvironment(current: NodeJS.ProcessEnv = process.env): Record<string, string> {
  return {
    GLIBC_TUNABLES: withDefaults(current.GLIBC_TUNABLES),
    // Errors stay, information and warnings go: TensorFlow's advice on how to compile itself, and large allocations.
    TF_CPP_MIN_LOG_LEVEL: current.TF_CPP_MIN_LOG_LEVEL ?? "2",
  };
}

function withDefaults(tunables = ""): string {
  const set = tunables.split(":").filter((tunable) => tunable !== "");
  const defaults = Object.entries(ALLOCATOR)
    .filter(([name]) => !set.some((tunable) => tunable.startsWith(`${name}=`)))
    .map(([name, value]) => `${name}=${value}`);
  return [...defaults, ...set].join(":");
}
