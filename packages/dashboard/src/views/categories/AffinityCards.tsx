// Which experts specialise in which category: a ranking, and who owns whom.
import { useMemo } from "react";
import type { Address } from "../../address/address.ts";
import { navigate } from "../../address/use-address.ts";
import { Card } from "../../components/Card.tsx";
import { SortableTable, type TableColumn } from "../../components/SortableTable.tsx";
import { Explained } from "../../components/Term.tsx";
import { formatPercent, formatRatio, formatWhole } from "../../format/number.ts";
import {
  type Affinity,
  affinities,
  affinitySentence,
  affinityTable,
  type LabelledSteps,
  type Ownership,
  ownership,
  ownershipSentence,
  ownershipTable,
} from "./affinity-model.ts";

interface AffinityCardProps {
  sources: readonly LabelledSteps[];
  address: Address;
  requests: readonly string[];
}

const RUN: TableColumn<Affinity> = { title: "run", key: ({ label }) => label };
const COLUMNS: readonly TableColumn<Affinity>[] = [
  {
    title: "expert",
    key: ({ layer, expert }) => layer * 1e6 + expert,
    cell: ({ layer, expert }) => `layer ${layer}, expert ${expert}`,
  },
  { title: "category", key: ({ category }) => category },
  {
    title: "relative load",
    key: ({ relative }) => relative,
    cell: ({ relative }) => `${formatRatio(relative)} ×`,
    numeric: true,
  },
  {
    title: "share of the expert",
    key: ({ share }) => share,
    cell: ({ share }) => formatPercent(share),
    numeric: true,
  },
  { title: "assignments", key: ({ count }) => count, cell: ({ count }) => formatWhole(count), numeric: true },
];
const RELATIVE = 2;

export function RankingCard({ sources, address, requests }: AffinityCardProps) {
  const rows = useMemo(() => affinities(sources), [sources]);
  const columns = sources.length > 1 ? [...COLUMNS.slice(0, 2), RUN, ...COLUMNS.slice(2)] : COLUMNS;
  return (
    <Card
      title={<Explained text={RANKING}>Affinity</Explained>}
      name="Affinity"
      sentence={affinitySentence(rows)}
      table={() => affinityTable(rows)}
      requests={requests}
    >
      <SortableTable
        key={columns.length}
        label="Experts by how strongly they draw a category"
        rows={rows}
        columns={columns}
        idOf={({ run, layer, expert, category }) => `${run}/${layer}/${expert}/${category}`}
        sortedBy={RELATIVE + columns.length - COLUMNS.length}
        isPicked={({ layer, expert }) => layer === address.layer && expert === address.expert}
        onPick={({ layer, expert }) => navigate({ layer, expert })}
      />
    </Card>
  );
}

const RANKING =
  "Relative load of an expert by tokens of one category: 1 is what chance gives, E/K the most possible. The share says which part of the expert's tokens is of that category, categories counted as if they were of one size. A click follows the expert.";

export function OwnersCard({ sources, address, requests }: AffinityCardProps) {
  const runs = useMemo(() => sources.map(ownership), [sources]);
  return (
    <Card
      title={<Explained text={OWNERS}>Owned experts</Explained>}
      name="Owned experts"
      sentence={ownershipSentence(runs)}
      table={() => ownershipTable(runs)}
      requests={requests}
    >
      {runs
        .filter(({ from }) => !Number.isNaN(from))
        .map((run) => (
          <Owners key={run.run} run={run} named={runs.length > 1} address={address} />
        ))}
    </Card>
  );
}

const OWNERS =
  "A category owns an expert when its share of the expert's tokens is at least half-way from an even share to all of them: 75 % with two categories, 67 % with three. Categories count as if they were of one size.";

function Owners({ run, named, address }: { run: Ownership; named: boolean; address: Address }) {
  const { label, categories, layers } = run;
  return (
    <div className="owners">
      {named && (
        <h3 className="pane-title" data-export="text">
          {label}
        </h3>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys */}
      <section className="owners-room" aria-label={`Owned experts of ${label}`} tabIndex={0}>
        <table>
          <thead>
            <tr>
              {["layer", ...categories, "shared", "dead"].map((title) => (
                <th key={title} scope="col" data-export="text">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {layers.map(({ layer, owned, shared, dead }) => (
              <tr key={layer}>
                <th scope="row" data-export="text">
                  {layer}
                </th>
                {owned.map((experts, place) => (
                  <td key={categories[place]}>
                    <OwnedExperts layer={layer} experts={experts} address={address} />
                  </td>
                ))}
                <td data-export="text">{shared}</td>
                <td data-export="text">{dead}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </div>
  );
}

/** A cell with more names would be no table any more. */
const NAMED = 24;

function OwnedExperts({ layer, experts, address }: { layer: number; experts: readonly number[]; address: Address }) {
  if (experts.length === 0)
    return (
      <span className="none" data-export="text">
        none
      </span>
    );
  return (
    <>
      {experts.slice(0, NAMED).map((expert) => (
        <button
          type="button"
          key={expert}
          data-export="text"
          aria-label={`Layer ${layer}, expert ${expert}`}
          aria-pressed={address.layer === layer && address.expert === expert}
          onClick={() => navigate({ layer, expert })}
        >
          {expert}
        </button>
      ))}
      {experts.length > NAMED && <span className="none">{`and ${experts.length - NAMED} more`}</span>}
    </>
  );
}
