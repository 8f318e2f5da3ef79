// How the runs are listed, here and in the rail.
import { useMemo } from "react";
import { navigate } from "../../address/use-address.ts";
import { Select, Switch } from "../../components/controls.tsx";
import { factNames } from "../../data/run-list.ts";
import type { Scene } from "../../data/scene.ts";

export function ListOrder({ scene: { summaries = [], address } }: { scene: Scene }) {
  const names = useMemo(() => factNames(summaries), [summaries]);
  const choices = names.map((name) => ({ value: name, text: name }));
  const descending = address.sort.startsWith("-");
  const sortedBy = descending ? address.sort.slice(1) : address.sort;
  const sortBy = (name: string, down: boolean) => navigate({ sort: name !== "" && down ? `-${name}` : name });
  return (
    <div className="overview-order">
      <label className="select overview-filter">
        <span>Filter</span>
        <input
          type="search"
          className="text-field"
          placeholder="live model.experts=64 loss<2"
          value={address.filter}
          onChange={(event) => navigate({ filter: event.target.value }, "replace")}
        />
      </label>
      <Select
        label="Sort by"
        value={sortedBy}
        choices={[{ value: "", text: "newest" }, ...withOwn(choices, sortedBy)]}
        onChange={(name) => sortBy(name, descending)}
      />
      {sortedBy !== "" && (
        <Switch on={descending} onChange={(down) => sortBy(sortedBy, down)}>
          Descending
        </Switch>
      )}
      <Select
        label="Group by"
        value={address.group}
        choices={[{ value: "", text: "nothing" }, ...withOwn(choices, address.group)]}
        onChange={(group) => navigate({ group })}
      />
    </div>
  );
}

/** A key in the address stays a choice where the runs no longer differ in it. */
function withOwn(choices: readonly { value: string; text: string }[], own: string) {
  return own === "" || choices.some(({ value }) => value === own) ? choices : [...choices, { value: own, text: own }];
}
