// What stands in the place of a view while there is nothing to show, and what to do about it.

import { navigate } from "../address/use-address.ts";
import { isLoggedOut } from "../api/session.ts";
import { Blank } from "../components/Notice.tsx";
import { logInAgain } from "./Notices.tsx";

export function NoRuns() {
  return (
    <Blank title="No runs yet">
      <p>This collector is listening, and nothing has reported to it. Start a run and it appears here by itself:</p>
      <pre>npx moescope train --collector {location.hostname}:4681</pre>
      <p>Or train the same model twice, with auxiliary loss and loss-free, on the built-in corpus:</p>
      <pre>npx moescope demo</pre>
    </Blank>
  );
}

export function NotConnected({ error }: { error: Error }) {
  if (isLoggedOut(error)) {
    return (
      <Blank title="You are not logged in">
        <p>This collector asks for a token.</p>
        <a className="button" href={location.href} onClick={logInAgain}>
          Log in
        </a>
      </Blank>
    );
  }
  return (
    <Blank title="The collector does not answer">
      <p>
        Nothing could be loaded from {location.origin}. This page keeps trying and fills itself when the collector is
        back.
      </p>
      <pre>{error.message}</pre>
    </Blank>
  );
}

export function NothingChosen() {
  return (
    <Blank title="No run is chosen">
      <p>Tick one or more runs in the list to see them here, side by side.</p>
      <button type="button" className="button" onClick={() => navigate({ runs: "newest" })}>
        Show the newest runs
      </button>
    </Blank>
  );
}
