// The head of the screen: views, and what applies to all of them.
import { type KeyboardEvent, type MouseEvent, useEffect, useRef } from "react";
import { formatAddress, type Theme, VIEWS, type ViewName } from "../address/address.ts";
import { currentAddress, navigate } from "../address/use-address.ts";
import { CopyButton } from "../components/CopyButton.tsx";
import type { Scene } from "../data/scene.ts";
import { rememberTheme } from "../theme/use-theme.ts";
import { VIEW } from "../views/registry.ts";
import { LayoutsMenu } from "./LayoutsMenu.tsx";
import { LogOut } from "./LogOut.tsx";
import { tabTarget } from "./tabs.ts";

interface TopBarProps {
  scene: Scene;
  theme: Theme;
  onMenu: () => void;
  onHelp: () => void;
}

export function TopBar({ scene, theme, onMenu, onHelp }: TopBarProps) {
  const { address, chosen, alerts } = scene;
  const link = () =>
    `${location.origin}${location.pathname}${formatAddress({ ...address, runs: chosen.map(({ id }) => id) })}`;
  const active = alerts.filter(({ over }) => !over).length;
  const tabs = useActiveTab(address.view);
  return (
    <div className="top-bar">
      <button type="button" className="button top-menu" onClick={onMenu}>
        Runs
      </button>
      <div ref={tabs} className="tabs" role="tablist" aria-label="Views" onKeyDown={onTabKey}>
        {VIEWS.map((view) => (
          <a
            key={view}
            href={formatAddress({ ...address, view }) || location.pathname}
            role="tab"
            id={`tab-${view}`}
            tabIndex={view === address.view ? 0 : -1}
            aria-selected={view === address.view}
            aria-controls="view"
            onClick={(event) => openView(event, view)}
          >
            {VIEW[view].title}
            {view === "alerts" && active > 0 && (
              <span className="tab-count">
                {active}
                <span className="visually-hidden"> active</span>
              </span>
            )}
          </a>
        ))}
      </div>
      <div className="top-actions">
        <LayoutsMenu />
        <CopyButton
          text={link}
          otherwise="Copy the address bar"
          title="Copy an address that shows a colleague the same"
        >
          Copy link
        </CopyButton>
        <button
          type="button"
          className="button quiet"
          onClick={() => switchTheme(theme)}
          aria-label={`Switch to the ${theme === "dark" ? "light" : "dark"} theme`}
          title="Light or dark (t)"
        >
          {theme === "dark" ? "Light" : "Dark"}
        </button>
        <button
          type="button"
          className="button quiet"
          onClick={onHelp}
          aria-label="List of keys"
          title="List of keys (?)"
        >
          ?
        </button>
        <LogOut />
      </div>
    </div>
  );
}

/** Keeps the tab of the view in sight where not all of them fit. */
function useActiveTab(view: ViewName) {
  const tabs = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const tab = tabs.current?.querySelector<HTMLElement>(`#tab-${view}`);
    if (!tab || !tabs.current) return;
    tabs.current.scrollLeft = tab.offsetLeft - (tabs.current.clientWidth - tab.offsetWidth) / 2;
  }, [view]);
  return tabs;
}

/** A plain click stays on the page; with a modifier the browser opens the link where it was told to. */
function openView(event: MouseEvent, view: ViewName): void {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  navigate({ view });
}

/** The keys of ARIA's tab pattern: arrows open the neighbour and take the focus there; the step cursor does not hear of them. */
function onTabKey(event: KeyboardEvent<HTMLDivElement>): void {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const view = tabTarget(currentAddress().view, event.key);
  if (view === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  navigate({ view });
  document.getElementById(`tab-${view}`)?.focus();
}

/** Remembered on this machine; it enters the address only where the address has a theme already. */
export function switchTheme(now: Theme): void {
  const next = now === "dark" ? "light" : "dark";
  rememberTheme(next);
  navigate({ theme: next }, "replace");
}
