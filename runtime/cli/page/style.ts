/** How pages look: by day and by night, as the reader's system has it, from the width of a phone on. */
export const style = `
:root {
  color-scheme: light dark;
  --paper: #fdfdfc; --ink: #1c1e21; --quiet: #565b63; --line: #d5d7db; --shade: #f2f3f5;
  --mark-1: #2166ac; --mark-2: #b35806; --mark-3: #1b7837; --mark-4: #762a83; --good: #1b7837; --bad: #b2182b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16181c; --ink: #e4e6ea; --quiet: #a4aab4; --line: #3a3f47; --shade: #20242a;
    --mark-1: #6cb0ee; --mark-2: #f2a65a; --mark-3: #6fcf87; --mark-4: #cf9be0; --good: #6fcf87; --bad: #ff8f8f;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1rem clamp(1rem, 4vw, 3rem); max-width: 76rem;
  background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
}
h1 { font-size: 1.75rem; line-height: 1.2; margin: 1rem 0 0.5rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 0.5rem; padding-top: 0.75rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 0.25rem; }
.lead { font-size: 1.125rem; }
.quiet, footer, figcaption, caption { color: var(--quiet); }
.good { color: var(--good); }
.bad { color: var(--bad); font-weight: 600; }
.wide { overflow-x: auto; margin: 0.75rem 0; max-width: 100%; }
section, .pictures { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 0 3rem; }
h2, h3, section > p, section > ul, details, .pictures, .text { flex: 0 0 100%; min-width: 0; }
.pictures .wide { margin: 0; }
figure { margin: 0.75rem 0; min-width: 0; max-width: 100%; }
figcaption, caption { text-align: left; font-size: 0.9375rem; padding: 0.25rem 0; }
svg { display: block; color: var(--ink); }
table { border-collapse: collapse; font-size: 0.9375rem; }
th, td { padding: 0.25rem 1.25rem 0.25rem 0; text-align: left; vertical-align: top; font-weight: normal; border-bottom: 1px solid var(--line); overflow-wrap: normal; }
thead th { color: var(--quiet); white-space: nowrap; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
code, pre { font: 0.875rem/1.5 ui-monospace, monospace; }
pre { margin: 0; padding: 0.75rem; background: var(--shade); border-radius: 0.25rem; overflow-wrap: normal; width: max-content; min-width: 100%; tab-size: 2; }
summary { cursor: pointer; padding: 0.25rem 0; }
ul { padding-left: 1.25rem; margin: 0.5rem 0; }
:focus-visible { outline: 2px solid var(--mark-1); outline-offset: 2px; }
footer { margin-top: 3rem; font-size: 0.875rem; }
@media (min-width: 40rem) { caption { white-space: nowrap; } }
@media print { .wide { overflow: visible; } }
`;
