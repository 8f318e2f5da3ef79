// The version of the definitions in this package. It travels with the data.

/** Raised whenever a definition here changes the number it gives for some input; a definition that is added changes none. */
export const METRICS_VERSION = 1;
