// A dialog over the page, with its title.
import { type ReactNode, useEffect, useRef } from "react";
import "./dialog.css";

interface DialogProps {
  open: boolean;
  onClose: () => void;
  className: string;
  /** Id of the heading that names it. */
  labelledBy: string;
  children: ReactNode;
}

export function Dialog({ open, onClose, className, labelledBy, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open && !ref.current?.open) ref.current?.showModal();
    if (!open) ref.current?.close();
  }, [open]);
  return (
    <dialog ref={ref} className={`dialog ${className}`} aria-labelledby={labelledBy} onClose={onClose}>
      {children}
    </dialog>
  );
}
