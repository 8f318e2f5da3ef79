// The way out, where the collector asked this browser for a token.
import { useQuery } from "@tanstack/react-query";
import { readSession } from "../api/session.ts";
import { client } from "../data/collector.ts";

/** The collector's page that ends the session. */
const WAY_OUT = "/logout";

export function LogOut() {
  const { data } = useQuery({
    queryKey: ["session"],
    queryFn: ({ signal }) => readSession(client.base, client.fetch, signal),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  if (!data?.required || data.role === null) return null;
  return (
    <a className="button quiet" href={WAY_OUT} title={`Logged in as: ${data.role}`}>
      Log out
    </a>
  );
}
