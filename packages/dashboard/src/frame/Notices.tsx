// Above the view: what is wrong with the address, the connection or the data.

import { navigate } from "../address/use-address.ts";
import { isLoggedOut } from "../api/session.ts";
import { Notice } from "../components/Notice.tsx";
import type { Scene } from "../data/scene.ts";
import { joinWords, plural } from "../format/sentence.ts";
import { useNow } from "./use-now.ts";

export function Notices({ scene, ignored }: { scene: Scene; ignored: readonly string[] }) {
  const { unknown, chosen, timelines, dropped, summaries, zoomError } = scene;
  const failed = timelines.filter(({ status }) => status === "failed");
  const loggedOut = isLoggedOut(scene.listError);
  const gone = useCollectorGone(scene);
  return (
    <>
      {loggedOut && summaries !== undefined && (
        <Notice kind="bad">
          <strong>You are no longer logged in.</strong> What was loaded stays on screen.
          <a className="button" href={location.href} onClick={logInAgain}>
            Log in again
          </a>
        </Notice>
      )}
      {!loggedOut && gone !== undefined && (
        <Notice kind="bad">
          <strong>The collector does not answer.</strong> What was loaded stays on screen. {gone}
        </Notice>
      )}
      {ignored.map((line) => (
        <Notice key={line} kind="warn">
          {line}
        </Notice>
      ))}
      {unknown.length > 0 && summaries !== undefined && (
        <Notice kind="warn">
          This collector has no run {joinWords(unknown.map((id) => `“${id}”`))}.
          <button
            type="button"
            className="button"
            onClick={() => navigate({ runs: chosen.length > 0 ? chosen.map(({ id }) => id) : "newest" })}
          >
            {chosen.length > 0 ? "Show the others" : "Show the newest runs"}
          </button>
        </Notice>
      )}
      {!loggedOut &&
        gone === undefined &&
        failed.map(({ run, error }) => (
          <Notice key={run} kind="bad">
            The history of {run} could not be fetched: {error}
          </Notice>
        ))}
      {gone === undefined && zoomError !== undefined && (
        <Notice kind="bad">The steps zoomed to could not be fetched in detail: {zoomError.message}</Notice>
      )}
      {dropped > 0 && (
        <Notice kind="info">
          This page fell behind and missed {plural(dropped, "live event")}; the gaps were filled from history.
        </Notice>
      )}
    </>
  );
}

/** The collector answers with its page to log in, and that comes back here. */
export function logInAgain(event: { preventDefault(): void }): void {
  event.preventDefault();
  location.reload();
}

/** @returns when the next try is, in words; undefined while the collector answers */
function useCollectorGone({ connection, listError }: Scene): string | undefined {
  const waiting = connection.state === "waiting" || (connection.state === "connecting" && connection.attempt > 0);
  const retryAt = connection.state === "waiting" ? connection.retryAt : undefined;
  const now = useNow(waiting);
  if (!waiting && listError === undefined) return undefined;
  if (retryAt === undefined || retryAt <= now) return "Trying again…";
  return `Next try in ${Math.ceil((retryAt - now) / 1000)} s.`;
}
