// GET /openapi.json: the HTTP API described, from the routes that answer it.
import { z } from "zod";
import { json } from "../answers.ts";
import { openApiDocument } from "../openapi/document.ts";
import { type Route, type RouteDescription, route } from "../route.ts";

/** @param routes asked once all routes are registered, this one among them */
export function describeApi(routes: () => readonly RouteDescription[]): Route {
  let written: Record<string, unknown> | undefined;
  return route(
    {
      method: "get",
      path: "/api/v1/openapi.json",
      summary: "This description.",
      right: "open",
      answer: json(z.looseObject({})),
    },
    () => {
      written ??= openApiDocument(routes());
      return written;
    },
  );
}
