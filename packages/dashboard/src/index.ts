// Where the built dashboard lies, for the collector that serves it.
import { fileURLToPath } from "node:url";

/** Absolute path of the directory with the built application: `index.html` and its hashed assets. */
export const applicationDirectory: string = fileURLToPath(new URL("./app", import.meta.url));
