// A button that copies something and says whether it worked.
import { useState } from "react";

/** @returns the button's text, and what to do on a click */
export function useCopied(text: () => string): [label: string, copy: () => void] {
  const [label, setLabel] = useState("Copy link");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      setLabel("Copied");
    } catch {
      // The browser does not let this page write to the clipboard; the address bar has nearly the same.
      setLabel("Copy the address bar");
    }
    setTimeout(() => setLabel("Copy link"), 2000);
  };
  return [label, () => void copy()];
}
