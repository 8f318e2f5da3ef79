// Light or dark: what the address says, else what the person chose here before, else what the system prefers.
import { useEffect, useSyncExternalStore } from "react";
import type { Theme } from "../address/address.ts";
import { useAddress } from "../address/use-address.ts";

const STORED = "moescope.theme";
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

/** The theme in force; sets it on the page. */
export function useTheme(): Theme {
  const { address } = useAddress();
  const system = useSyncExternalStore(subscribeSystem, () => (systemDark.matches ? "dark" : "light"));
  const theme = address.theme ?? storedTheme() ?? system;
  useEffect(() => {
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

function subscribeSystem(listener: () => void): () => void {
  systemDark.addEventListener("change", listener);
  return () => systemDark.removeEventListener("change", listener);
}
