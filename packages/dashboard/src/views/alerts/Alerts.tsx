// Alerts: what is wrong with the chosen runs, where and since when.
import { useMemo, useState } from "react";
import { formatAddress } from "../../address/address.ts";
import { navigate } from "../../address/use-address.ts";
import { Card } from "../../components/Card.tsx";
import { Segmented, Select } from "../../components/controls.tsx";
import { ALERT_NAMES } from "../../data/alerts.ts";
import { formatWhole } from "../../format/number.ts";
import type { ViewProps } from "../view-props.ts";
import { type AlertFilter, type AlertRow, alertRows, alertsSentence, alertsTable } from "./alerts-model.ts";
import "./alerts.css";

const FILTERS = [
  { value: "all", text: "All" },
  { value: "active", text: "Active" },
  { value: "over", text: "Over" },
] as const;
const RULES = [
  { value: "", text: "any" },
  ...[...new Set(Object.values(ALERT_NAMES).slice(1))].map((name) => ({ value: name, text: name })),
];

export default function Alerts({ scene }: ViewProps) {
  const { chosen, alerts, address } = scene;
  const [filter, setFilter] = useState<AlertFilter>("all");
  const [rule, setRule] = useState("");
  const rows = useMemo(() => alertRows(chosen, alerts, filter, rule), [chosen, alerts, filter, rule]);
  return (
    <Card
      title="Alerts"
      name="Alerts"
      sentence={alertsSentence(chosen, alerts)}
      table={() => alertsTable(alerts)}
      requests={chosen.map(({ id }) => `/api/v1/runs/${encodeURIComponent(id)}/alerts`)}
      controls={
        <>
          <Segmented<AlertFilter> label="State" value={filter} choices={FILTERS} onChange={setFilter} />
          <Select label="Rule" value={rule} choices={RULES} onChange={setRule} />
        </>
      }
    >
      {rows.length === 0 ? (
        <p className="alerts-none">{alerts.length === 0 ? NONE : "No alert of this kind."}</p>
      ) : (
        <ul className="alerts">
          {rows.map((row) => (
            <AlertItem key={row.id} row={row} href={formatAddress({ ...address, ...row.target })} />
          ))}
        </ul>
      )}
    </Card>
  );
}

const NONE =
  "The collector watches for collapsing layers, dead experts, a loss that is not a number, dropped tokens and silence. None of these has happened.";

function AlertItem({ row, href }: { row: AlertRow; href: string }) {
  const { run, rule, over, message, place, began, ended, time } = row;
  return (
    <li className={over ? "alert over" : "alert"}>
      <a
        href={href}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey) return;
          event.preventDefault();
          navigate(row.target);
        }}
      >
        <span className="alert-rule" data-export="text">
          {rule}
        </span>
        <span className="alert-text">
          <strong data-export="text">{message}</strong>
          <small>
            <span className="chip" style={{ background: `var(--run-${run.colour})` }} />
            <span data-export="text">{`${run.label} · ${place} · ${stretch(began, ended)} · told ${time} after the start`}</span>
          </small>
        </span>
      </a>
    </li>
  );
}

function stretch(began: number, ended: number | undefined): string {
  return ended === undefined ? `since step ${formatWhole(began)}` : `steps ${formatWhole(began)}–${formatWhole(ended)}`;
}
