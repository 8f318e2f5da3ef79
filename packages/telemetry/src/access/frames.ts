// Which pages may show the dashboard in a frame, as a notebook does. A page that shows it unseen can make its visitors click in it.
import { isLoopback } from "./exposure.ts";

/** Scheme, host and, where it is not the usual one, port of a page. */
export const ORIGIN = /^https?:\/\/[A-Za-z0-9.-]+(:\d{1,5})?$/;

/** CSP has no form for an IPv6 address. */
const THIS_MACHINE = ["localhost", "127.0.0.1"].flatMap((host) => [`http://${host}:*`, `https://${host}:*`]);

interface Framing {
  /** Origins that were asked for; undefined: none was said. */
  frameIn: readonly string[] | undefined;
  /** Where the dashboard is served. */
  host: string;
  /** Whether a token or a certificate is asked for. */
  closed: boolean;
}

/**
 * Where only this machine can connect and nothing is asked for, whoever serves a page from it can do everything already. A token or a
 * certificate tells users of one machine apart, and a browser shows both whoever frames the dashboard there: such pages must be named.
 *
 * @returns what the policy `frame-ancestors` allows
 */
export function frameAncestors({ frameIn, host, closed }: Framing): readonly string[] {
  const allowed = frameIn ?? (isLoopback(host) && !closed ? THIS_MACHINE : []);
  return allowed.length === 0 ? ["'none'"] : allowed;
}
