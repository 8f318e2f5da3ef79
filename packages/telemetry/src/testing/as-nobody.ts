// Does something as a user without rights, for tests of what is said then.

const NOBODY = 65_534;

/** Only root can become another user. */
export const canBeNobody = process.geteuid?.() === 0;

export async function asNobody(work: () => void | Promise<void>): Promise<void> {
  process.seteuid!(NOBODY);
  try {
    await work();
  } finally {
    process.seteuid!(0);
  }
}
