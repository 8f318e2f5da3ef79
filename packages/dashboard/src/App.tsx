// The page: frame, notices, and the view that the address names.
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from "react";
import { useAddress } from "./address/use-address.ts";
import { Broken } from "./components/Broken.tsx";
import { Waiting } from "./components/Notice.tsx";
import { type Scene, useScene } from "./data/scene.ts";
import { CursorBar } from "./frame/CursorBar.tsx";
import { KeyHelp } from "./frame/KeyHelp.tsx";
import { useKeys } from "./frame/keys.ts";
import { Notices } from "./frame/Notices.tsx";
import { NoRuns, NotConnected, NothingChosen } from "./frame/nothing.tsx";
import { Rail } from "./frame/Rail.tsx";
import { TopBar, VIEW_NAMES } from "./frame/TopBar.tsx";
import { useTheme } from "./theme/use-theme.ts";
import { Overview } from "./views/overview/Overview.tsx";
import type { ViewProps } from "./views/view-props.ts";

/** Views with charts come when they are opened: the first look needs none. */
const VIEW = {
  overview: Overview,
  balance: lazy(() => import("./views/balance/Balance.tsx")),
  experts: lazy(() => import("./views/experts/Experts.tsx")),
  layers: lazy(() => import("./views/layers/Layers.tsx")),
  categories: lazy(() => import("./views/categories/Categories.tsx")),
};

export function App() {
  const { address, ignored } = useAddress();
  const scene = useScene(address);
  const theme = useTheme();
  const [railOpen, setRailOpen] = useState(false);
  const [helpOpen, setHelpOpen] = useState(false);
  const [playing, setPlaying] = useState(false);
  const togglePlay = useCallback(() => setPlaying((now) => !now), []);
  const toggleHelp = useCallback(() => setHelpOpen((now) => !now), []);
  useKeys(useMemo(() => ({ scene, theme, togglePlay, toggleHelp }), [scene, theme, togglePlay, toggleHelp]));
  useTitle(scene);
  return (
    <div className="frame">
      <Rail scene={scene} open={railOpen} onClose={() => setRailOpen(false)} />
      {railOpen && (
        <button type="button" className="scrim" aria-label="Close the run list" onClick={() => setRailOpen(false)} />
      )}
      <div className="main">
        <header className="head">
          <TopBar scene={scene} theme={theme} onMenu={() => setRailOpen(true)} onHelp={toggleHelp} />
          {address.view !== "overview" && <CursorBar scene={scene} playing={playing} setPlaying={setPlaying} />}
        </header>
        <main className="view">
          {address.view !== "overview" && <h1 className="visually-hidden">{VIEW_NAMES[address.view]}</h1>}
          <Notices scene={scene} ignored={ignored} />
          <div
            className={scene.held && address.view !== "overview" ? "panel stale" : "panel"}
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
  const View = VIEW[address.view];
  return <View scene={scene} theme={theme} />;
}

function useTitle({ address, chosen }: Scene): void {
  useEffect(() => {
    const runs = chosen.map(({ label }) => label).join(", ");
    document.title = `${VIEW_NAMES[address.view]}${runs === "" ? "" : ` · ${runs}`} · moescope`;
  }, [address.view, chosen]);
}
