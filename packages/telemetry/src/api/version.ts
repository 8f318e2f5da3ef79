// The version of the HTTP API, sent with every answer of it.

/**
 * MAJOR.MINOR. MINOR rises when something is added: a route, a parameter, a field of an answer; a client must ignore what it does not
 * know. MAJOR is the number in the path and rises when something is taken away or changes its meaning; the former path then stays for
 * one release.
 */
export const API_VERSION = "1.0";
