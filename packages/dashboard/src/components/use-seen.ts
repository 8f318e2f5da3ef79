// Whether an element has come into sight: what is far down the page is fetched when somebody gets there.
import { type RefObject, useEffect, useRef, useState } from "react";

/** So many pixels before it is in sight. */
const AHEAD = "300px";

/** @returns a ref for the element, and whether it was ever in sight; so it stays */
export function useSeen<T extends Element>(): [RefObject<T | null>, boolean] {
  const ref = useRef<T>(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    if (seen || ref.current === null) return;
    const observer = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && setSeen(true),
      {
        rootMargin: AHEAD,
      },
    );
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, [seen]);
  return [ref, seen];
}
