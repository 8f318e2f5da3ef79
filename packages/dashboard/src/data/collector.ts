// The collector that served this page, and the store of live timelines: one of each a tab.
import { QueryClient } from "@tanstack/react-query";
import { CollectorError, createClient } from "../api/client.ts";
import { LiveStore } from "./live-store.ts";

export const client = createClient(location.origin);
export const liveStore = new LiveStore(client);

/** An error answer will not get better by asking again; an unreachable collector may. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (failures, error) => !(error instanceof CollectorError) && failures < 2,
      refetchOnWindowFocus: false,
      // Answers are large and never change: the same one is the same object.
      structuralSharing: false,
    },
  },
});
