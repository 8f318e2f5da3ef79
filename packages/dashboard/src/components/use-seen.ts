// Whether an element has come into sight: what is far down the page is fetched when somebody gets there, or when nothing else is to do.
import { type RefObject, useEffect, useRef, useState } from "react";

/** So many pixels before it is in sight. */
const AHEAD = "300px";

/** Until then what is in sight has come, milliseconds. */
const AT_REST = 2000;

/**
 * @param cheap whether to fetch it after a while even so: a page that is printed has no time to fetch anything
 * @returns a ref for the element, and whether it was ever in sight; so it stays
 */
export function useSeen<T extends Element>(cheap: boolean): [RefObject<T | null>, boolean] {
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
  useEffect(() => {
    if (seen || !cheap) return;
    const timer = setTimeout(() => setSeen(true), AT_REST);
    return () => clearTimeout(timer);
  }, [seen, cheap]);
  return [ref, seen];
}
