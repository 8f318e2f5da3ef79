// Registers routes in order and keeps their descriptions. The API has no other way in: a route that is not described cannot be registered.
import type { HttpBindings } from "@hono/node-server";
import { type ErrorHandler, Hono, type MiddlewareHandler } from "hono";
import { limitedBody } from "./body.ts";
import { type Access, requires } from "./middleware/access.ts";
import type { Route, RouteDescription } from "./route.ts";

type Env = { Bindings: HttpBindings };
type Middleware = MiddlewareHandler<Env>;

export class Router {
  readonly #app = new Hono<Env>();
  readonly #access: Access;
  readonly #descriptions: RouteDescription[] = [];

  constructor(access: Access, onError: ErrorHandler<Env>) {
    this.#access = access;
    this.#app.onError(onError);
  }

  get fetch(): Hono<Env>["fetch"] {
    return this.#app.fetch;
  }

  /** Of every route so far. */
  get descriptions(): readonly RouteDescription[] {
    return this.#descriptions;
  }

  /** @param passed by requests to these paths on their way to what is registered from here on */
  use(paths: string, ...passed: Middleware[]): void {
    this.#app.use(paths, ...passed);
  }

  /** @param passed by those who may ask, before what they ask is read */
  add(routes: readonly Route[], ...passed: Middleware[]): void {
    for (const { description, handle } of routes) {
      const { method, path, right, body } = description;
      this.#keep(description);
      const mayAsk = requires(right, this.#access);
      const bodyLimit = body === undefined ? [] : [limitedBody(body)];
      this.#app.on(method.toUpperCase(), path.replace(/\{(\w+)\}/g, ":$1"), mayAsk, ...passed, ...bodyLimit, handle);
    }
  }

  /** What browsers get at every path that is left; it is for people, and not described. */
  pages(pages: Hono): void {
    this.#app.route("/", pages);
  }

  #keep(description: RouteDescription): void {
    const { method, path } = description;
    if (this.#descriptions.some((known) => known.method === method && known.path === path)) {
      throw new Error(`${method.toUpperCase()} ${path} is registered twice`);
    }
    this.#descriptions.push(description);
  }
}
