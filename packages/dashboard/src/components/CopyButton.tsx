// A button that copies something and says whether it worked.
import { useState } from "react";

interface CopyButtonProps {
  text: () => string;
  /** What the button says before it is used. */
  children: string;
  /** What it says where the browser does not let this page write to the clipboard. */
  otherwise?: string;
  title?: string;
}

export function CopyButton({ text, children, otherwise = "Not allowed here", title }: CopyButtonProps) {
  const [said, setSaid] = useState<string>();
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      setSaid("Copied");
    } catch {
      setSaid(otherwise);
    }
    setTimeout(() => setSaid(undefined), 2000);
  };
  return (
    <button type="button" className="button quiet" onClick={() => void copy()} title={title}>
      {said ?? children}
    </button>
  );
}
