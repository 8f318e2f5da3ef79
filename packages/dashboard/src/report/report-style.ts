// How a report looks: light, dark and on paper. A text, because the report is one file.
export const REPORT_STYLE = `
:root { color-scheme: light dark; --page: #f7f7f5; --surface: #fff; --ink: #17191c; --ink-2: #4d545c; --ink-3: #666d75; --line: #e3e3df; --accent: #0a5ea8; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --page: #0e1012; --surface: #15181b; --ink: #e8eaec; --ink-2: #b3bac1; --ink-3: #8f979f; --line: #252a2f; --accent: #6cb3ec; --bad: #ff8a7a; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 400 14px/1.5 -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 1088px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { margin: 0; font-size: 26px; letter-spacing: -0.015em; overflow-wrap: anywhere; }
h2 { margin: 40px 0 12px; font-size: 18px; }
p, figcaption span { text-wrap: pretty; }
p { margin: 4px 0; max-width: 100ch; color: var(--ink-2); }
.notes { white-space: pre-wrap; overflow-wrap: anywhere; color: var(--ink); }
header p strong { color: var(--ink); }
nav { margin-top: 12px; }
nav a { margin-right: 16px; }
a { color: var(--accent); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(150px, 45%), 1fr)); gap: 10px 24px; margin: 24px 0 0; }
dl div { min-width: 0; }
dt { color: var(--ink-3); font-size: 12px; }
dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 16px 0 0; padding: 12px 16px; border: 1px solid var(--line); border-radius: 10px; background: var(--surface); }
figcaption { display: flex; justify-content: space-between; gap: 16px; margin-bottom: 8px; }
figcaption span { max-width: 100ch; }
.sheet { overflow-x: auto; border-radius: 6px; background: #fff; }
.sheet svg { display: block; width: 100%; max-width: 1040px; min-width: 400px; height: auto; margin: 0 auto; }
.pair { display: grid; align-items: start; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 0 16px; }
.pair > figure { min-width: 0; }
.table { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: 12.5px; }
th, td { padding: 5px 10px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { color: var(--ink-3); font-weight: 500; }
.alerts { margin: 0; padding: 0; list-style: none; }
.alerts li { padding: 6px 12px; border-left: 3px solid var(--bad); }
.alerts li + li { margin-top: 6px; }
.alerts .over { border-color: var(--line); color: var(--ink-2); }
.alerts small { color: var(--ink-3); font-size: 12px; }
.configuration { columns: 320px; column-gap: 32px; margin: 0; padding: 0; list-style: none; font: 12px/1.7 ui-monospace, Menlo, "Liberation Mono", monospace; }
.configuration li { overflow-wrap: anywhere; }
.configuration span { color: var(--ink-3); }
footer { margin-top: 48px; color: var(--ink-3); font-size: 12px; }
@media print {
  :root { color-scheme: light; --page: #fff; --surface: #fff; --ink: #000; --ink-2: #333; --ink-3: #555; --line: #ddd; --accent: #000; }
  main { max-width: none; padding: 0; }
  figure { padding: 0; border: 0; break-inside: avoid; }
  h2, figcaption { break-after: avoid; }
  .download, nav { display: none; }
}
`;
