// A run that the person pinned.
export function PinMark() {
  return (
    <svg className="pin-mark" width={10} height={10} viewBox="0 0 10 10" role="img" aria-label="Pinned">
      <path d="M5 0l1.5 3.2 3.5.4 -2.6 2.4 .7 3.5L5 7.8 1.9 9.5l.7 -3.5L0 3.6l3.5 -.4z" fill="currentColor" />
    </svg>
  );
}
