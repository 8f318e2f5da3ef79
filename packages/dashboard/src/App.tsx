// The page: frame, notices, and the view that the address names.
import { Suspense, useCallback, useEffect, useMemo, useState } from "react";
import { useAddress } from "./address/use-address.ts";
import { Broken } from "./components/Broken.tsx";
import { Waiting } from "./components/Notice.tsx";
import { liveStore } from "./data/collector.ts";
import { restWhileHidden } from "./data/hidden-page.ts";
import { type Scene, useScene } from "./data/scene.ts";
import { CursorBar } from "./frame/CursorBar.tsx";
import { KeyHelp } from "./frame/KeyHelp.tsx";
import { useKeys } from "./frame/keys.ts";
import { Notices } from "./frame/Notices.tsx";
import { NoRuns, NotConnected, NothingChosen } from "./frame/nothing.tsx";
import { Rail } from "./frame/Rail.tsx";
import { TopBar } from "./frame/TopBar.tsx";
import { ViewChoices } from "./frame/ViewChoices.tsx";
import { useTheme } from "./theme/use-theme.ts";
import { VIEW } from "./views/registry.ts";
import type { ViewProps } from "./views/view-props.ts";

export function App() {
  const { address, ignored } = useAddress();
  const view = VIEW[address.view];
  const scene = useScene(address, view.counts);
  const theme = useTheme();
  const [railOpen, setRailOpen] = useState(false);
  const [helpOpen, setHelpOpen] = useState(false);
  const [playing, setPlaying] = useState(false);
  const togglePlay = useCallback(() => setPlaying((now) => !now), []);
  const toggleHelp = useCallback(() => setHelpOpen((now) => !now), []);
  useKeys(useMemo(() => ({ scene, theme, togglePlay, toggleHelp }), [scene, theme, togglePlay, toggleHelp]));
  useTitle(scene);
  useEffect(() => restWhileHidden(liveStore), []);
  return (
    <div className="frame">
      <Rail scene={scene} open={railOpen} onClose={() => setRailOpen(false)} />
      {railOpen && (
        <button type="button" className="scrim" aria-label="Close the run list" onClick={() => setRailOpen(false)} />
      )}
      <div className="main">
        <header className="head">
          <TopBar scene={scene} theme={theme} onMenu={() => setRailOpen(true)} onHelp={toggleHelp} />
          {view.steps && <CursorBar scene={scene} playing={playing} setPlaying={setPlaying} />}
        </header>
        <main className="view">
          {address.view !== "overview" && <h1 className="visually-hidden">{view.title}</h1>}
          <Notices scene={scene} ignored={ignored} />
          {(view.splits || view.lines) && <ViewChoices scene={scene} view={view} />}
          <div
            className={scene.held && view.steps ? "panel stale" : "panel"}
            id="view"
            role="tabpanel"
            aria-labelledby={`tab-${address.view}`}
            aria-busy={scene.loading}
          >
            <Broken retry={`${address.view} ${address.runs} ${address.layer}`}>
              <Suspense fallback={<Waiting />}>
                <Body scene={scene} theme={theme} />
              </Suspense>
            </Broken>
          </div>
        </main>
      </div>
      <KeyHelp open={helpOpen} onClose={() => setHelpOpen(false)} />
    </div>
  );
}

/** The view, or what stands in its place while there is nothing to show. */
function Body({ scene, theme }: ViewProps) {
  const { summaries, listError, chosen, address } = scene;
  if (summaries === undefined) return listError === undefined ? <Waiting /> : <NotConnected error={listError} />;
  if (summaries.length === 0) return <NoRuns />;
  if (chosen.length === 0 && address.view !== "overview") return <NothingChosen />;
  const { Component } = VIEW[address.view];
  return <Component scene={scene} theme={theme} />;
}

function useTitle({ address, chosen }: Scene): void {
  useEffect(() => {
    const runs = chosen.map(({ label }) => label).join(", ");
    document.title = `${VIEW[address.view].title}${runs === "" ? "" : ` · ${runs}`} · moescope`;
  }, [address.view, chosen]);
}
