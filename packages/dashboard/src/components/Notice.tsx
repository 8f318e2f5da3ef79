// What is missing, late or wrong, said in place and with what can be done about it.
import type { ReactNode } from "react";
import "./notice.css";

/** A line at the top of the screen. */
export function Notice({ kind, children }: { kind: "info" | "warn" | "bad"; children: ReactNode }) {
  return (
    <div className={`notice ${kind}`} role={kind === "info" ? "status" : "alert"}>
      {children}
    </div>
  );
}

/** In the place of what is not there. */
export function Blank({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="blank">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** In the place of what is on its way; shows itself only after a while. */
export function Waiting({ height = 240 }: { height?: number }) {
  return (
    <div className="waiting" style={{ height }} role="status">
      <span>Loading…</span>
    </div>
  );
}
