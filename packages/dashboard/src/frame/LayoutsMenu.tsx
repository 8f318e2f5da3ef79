// Saved layouts: what is on screen under a name, to be opened again.
import { type FormEvent, useState } from "react";
import { formatAddress } from "../address/address.ts";
import { currentAddress, openSearch } from "../address/use-address.ts";
import { Menu } from "../components/Menu.tsx";
import { type Layout, layouts, readLayouts, renamed, withLayout } from "../data/layouts.ts";
import { saveText } from "../export/save.ts";

export function LayoutsMenu() {
  return (
    <Menu text="Layouts" title="Saved layouts, kept in this browser" label="Saved layouts">
      {(close) => <Layouts close={close} />}
    </Menu>
  );
}

function Layouts({ close }: { close: () => void }) {
  const saved = layouts.use();
  const save = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get("name")).trim();
    if (name === "") return;
    layouts.set(withLayout(saved, { name, search: formatAddress(currentAddress()) }));
    event.currentTarget.reset();
  };
  return (
    <>
      <form onSubmit={save}>
        <input name="name" className="text-field" placeholder="Name for what is on screen" aria-label="Name" required />
        <button type="submit" className="button">
          Save
        </button>
      </form>
      {saved.length === 0 ? (
        <p className="menu-note menu-list">Nothing saved yet. A layout is the whole address: view, runs, zoom, step.</p>
      ) : (
        <ul className="menu-list">
          {saved.map((layout) => (
            <LayoutRow key={layout.name} layout={layout} close={close} />
          ))}
        </ul>
      )}
      <Exchange />
    </>
  );
}

function LayoutRow({ layout, close }: { layout: Layout; close: () => void }) {
  const [editing, setEditing] = useState(false);
  const rename = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    layouts.set(renamed(layouts.get(), layout.name, String(new FormData(event.currentTarget).get("name"))));
    setEditing(false);
  };
  if (editing) {
    return (
      <li>
        <form onSubmit={rename}>
          <input
            name="name"
            className="text-field"
            defaultValue={layout.name}
            aria-label={`New name of ${layout.name}`}
          />
          <button type="submit" className="button">
            Rename
          </button>
        </form>
      </li>
    );
  }
  return (
    <li>
      <a
        href={layout.search || location.pathname}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey) return;
          event.preventDefault();
          openSearch(layout.search);
          close();
        }}
      >
        {layout.name}
      </a>
      <button
        type="button"
        className="button quiet"
        aria-label={`Rename ${layout.name}`}
        onClick={() => setEditing(true)}
      >
        Rename
      </button>
      <button
        type="button"
        className="button quiet"
        aria-label={`Delete ${layout.name}`}
        onClick={() => layouts.set(layouts.get().filter(({ name }) => name !== layout.name))}
      >
        Delete
      </button>
    </li>
  );
}

/** All layouts as a file, and back. */
function Exchange() {
  const saved = layouts.use();
  const [problem, setProblem] = useState<string>();
  const read = async (file: File) => {
    try {
      const told = readLayouts(JSON.parse(await file.text()));
      if (told === undefined) throw new Error("it is not a list of layouts");
      layouts.set(told.reduce<readonly Layout[]>(withLayout, layouts.get()));
      setProblem(undefined);
    } catch (error) {
      setProblem(`${file.name} was not read: ${error instanceof Error ? error.message : error}`);
    }
  };
  return (
    <>
      {problem && <p role="alert">{problem}</p>}
      <div className="menu-foot">
        <button
          type="button"
          className="button quiet"
          disabled={saved.length === 0}
          onClick={() => saveText(JSON.stringify(saved, undefined, 2), "moescope-layouts.json", "application/json")}
        >
          Save as JSON
        </button>
        <label className="button quiet file-button">
          Read JSON
          <input
            type="file"
            accept="application/json,.json"
            className="visually-hidden"
            onChange={(event) => {
              const file = event.target.files?.[0];
              if (file) void read(file);
              event.target.value = "";
            }}
          />
        </label>
      </div>
    </>
  );
}
