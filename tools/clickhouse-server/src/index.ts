export { ClickHouseServer } from "./clickhouse-server.ts";
export { TEST_CLUSTER, TEST_PASSWORD } from "./configuration.ts";
export { whyNoServer } from "./program.ts";
