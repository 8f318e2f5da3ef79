// Which of the two implementations a store needs.
import type { Database } from "../engine/database.ts";
import { ClaimedLedger } from "./claimed-ledger.ts";
import type { BatchLedger } from "./ledger.ts";
import { SoleLedger } from "./sole-ledger.ts";

export function ledgerOf(database: Database): BatchLedger {
  return database.embedded ? new SoleLedger(database) : new ClaimedLedger(database);
}
