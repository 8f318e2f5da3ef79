export * from "./dead-experts.ts";
export * from "./entropy.ts";
export * from "./head-category.ts";
export * from "./max-violation.ts";
export * from "./relative-load.ts";
export * from "./variation.ts";
export * from "./version.ts";
export * from "./window.ts";
