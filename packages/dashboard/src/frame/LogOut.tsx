// The way out, where the collector asked this browser for a token.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { endSession, readSession } from "../api/session.ts";
import { client } from "../data/collector.ts";

export function LogOut() {
  const { data } = useQuery({
    queryKey: ["session"],
    queryFn: ({ signal }) => readSession(client.base, client.fetch, signal),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  const [problem, setProblem] = useState<string>();
  if (!data?.required || data.role === null) return null;
  const leave = async () => {
    try {
      await endSession(client.base, client.fetch);
      location.reload();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <>
      <button type="button" className="button quiet" title={`Logged in as: ${data.role}`} onClick={() => void leave()}>
        Log out
      </button>
      {problem && <span role="alert">{problem}</span>}
    </>
  );
}
