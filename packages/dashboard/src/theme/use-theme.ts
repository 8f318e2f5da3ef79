// Light or dark: on paper light, else what the address says, what the person chose here before, what the system prefers.
import { useLayoutEffect, useSyncExternalStore } from "react";
import type { Theme } from "../address/address.ts";
import { useAddress } from "../address/use-address.ts";

const STORED = "moescope.theme";
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
const paper = window.matchMedia("print");

/** The theme in force; sets it on the page. */
export function useTheme(): Theme {
  const { address } = useAddress();
  const system = useSyncExternalStore(onMedia, () => (systemDark.matches ? "dark" : "light"));
  const printed = useSyncExternalStore(onMedia, () => paper.matches);
  const theme = printed ? "light" : (address.theme ?? storedTheme() ?? system);
  // Before the page is painted or printed.
  useLayoutEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);
  return theme;
}

/** Remembers a choice for the next visit; private windows may refuse, and then it lasts as long as the address. */
export function rememberTheme(theme: Theme): void {
  try {
    localStorage.setItem(STORED, theme);
  } catch (error) {
    console.info(`the theme is not remembered: ${error}`);
  }
}

function storedTheme(): Theme | undefined {
  try {
    const stored = localStorage.getItem(STORED);
    return stored === "light" || stored === "dark" ? stored : undefined;
  } catch {
    // Storage is switched off: the system's preference decides.
    return undefined;
  }
}

function onMedia(listener: () => void): () => void {
  for (const query of [systemDark, paper]) query.addEventListener("change", listener);
  return () => {
    for (const query of [systemDark, paper]) query.removeEventListener("change", listener);
  };
}
