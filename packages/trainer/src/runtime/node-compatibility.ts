// Puts back what tfjs-node-gpu 4.22.0 calls of Node's `util` and newer Nodes took away; loaded before tfjs.
import util from "node:util";

// Before Node 22 the first was `Array.isArray` itself. Node 22 prints a deprecation warning at calls of either, Node 23 removed the second.
if (util.isArray !== Array.isArray || util.isNullOrUndefined === undefined) {
  Object.assign(util, {
    isArray: Array.isArray,
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
  });
}
