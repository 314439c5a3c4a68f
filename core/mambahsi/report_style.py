"""The style sheet of a report: light, dark and on paper, with the fonts that are there."""

STYLE = """
:root { color-scheme: light dark;
  --page: #ffffff; --card: #f4f6f8; --text: #1b2430; --soft: #5b6776; --rule: #d9dee5;
  --line: #1f6fb2; --mark: #b4510f; --warn: #fff3d6; --warn-rule: #c98a00; }
@media (prefers-color-scheme: dark) { :root {
  --page: #14181d; --card: #1e242b; --text: #e6eaef; --soft: #9aa6b3; --rule: #343d47;
  --line: #6db3f2; --mark: #ffa366; --warn: #3a2f14; --warn-rule: #e0a83c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 66rem; background: var(--page);
  color: var(--text); font: 15px/1.5 system-ui, "Segoe UI", "Noto Sans", sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.4rem 0 .7rem; padding-bottom: .25rem;
  border-bottom: 1px solid var(--rule); }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p { margin: .4rem 0; }
.soft { color: var(--soft); }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1rem 0; }
.tile { flex: 1 1 10rem; background: var(--card); border-radius: .5rem; padding: .8rem 1rem; }
.tile b { display: block; font-size: 1.7rem; line-height: 1.2;
  font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: .85rem; }
.warn { background: var(--warn); border-left: 4px solid var(--warn-rule);
  padding: .5rem .8rem; margin: .5rem 0; border-radius: 0 .3rem .3rem 0;
  overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .88rem; }
th, td { padding: .25rem .55rem; border-bottom: 1px solid var(--rule); text-align: right;
  vertical-align: bottom; }
th { font-weight: 600; }
th.name, td.name { text-align: left; white-space: nowrap; max-width: 17rem; overflow: hidden;
  text-overflow: ellipsis; }
tr.sum > *, td.sum { font-weight: 600; background: var(--card); }
tr.untested { color: var(--soft); }
table.facts th, table.facts td { text-align: left; vertical-align: top;
  overflow-wrap: anywhere; white-space: pre-wrap; }
table.facts th { width: 13rem; font-weight: 400; color: var(--soft); white-space: normal; }
table.facts { width: 100%; }
table.matrix th.turned { writing-mode: vertical-rl; transform: rotate(180deg);
  text-align: left; padding: .5rem .2rem; max-height: 17rem; white-space: nowrap;
  overflow: hidden; text-overflow: ellipsis; }
table.matrix td { text-align: right; min-width: 2.4rem; padding: .25rem .4rem; }
.swatch { display: inline-block; width: .85em; height: .85em; margin-right: .45em;
  border: 1px solid var(--soft); border-radius: 2px; vertical-align: -.08em; }
.legend { display: flex; flex-wrap: wrap; gap: .15rem 1.1rem; list-style: none; padding: 0;
  margin: .5rem 0 0; font-size: .88rem; }
.previews { display: flex; flex-wrap: wrap; gap: 1.2rem; align-items: flex-start; }
figure { margin: 0; flex: 1 1 19rem; max-width: 100%; }
figure img { max-width: 100%; height: auto; display: block; image-rendering: pixelated;
  border: 1px solid var(--rule); background: var(--card); }
figcaption { margin-top: .35rem; font-size: .88rem; color: var(--soft); }
svg.chart { width: 100%; height: auto; }
svg.chart text { fill: var(--text); font: 12px system-ui, "Segoe UI", "Noto Sans", sans-serif; }
svg.chart .title { font-weight: 600; font-size: 13px; }
svg.chart .tick { fill: var(--soft); font-size: 11px; }
svg.chart .note { fill: var(--mark); font-weight: 600; }
svg.chart .end { text-anchor: end; }
svg.chart .mid { text-anchor: middle; }
svg.chart .grid { stroke: var(--rule); fill: none; }
svg.chart .axis { stroke: var(--soft); fill: none; }
svg.chart .error { stroke: var(--text); stroke-width: 1.4; fill: none; }
svg.chart .line { stroke: var(--line); stroke-width: 1.8; fill: none; stroke-linejoin: round; }
svg.chart .dot { fill: var(--line); }
svg.chart .bar { fill: var(--line); opacity: .45; }
svg.chart .best { stroke: var(--mark); stroke-dasharray: 4 3; fill: none; }
svg.chart .bestdot { fill: var(--mark); }
@media print {
  :root { --page: #fff; --card: #f4f6f8; --text: #000; --soft: #444; --rule: #bbb;
    --line: #1f6fb2; --mark: #b4510f; --warn: #fff3d6; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  h2, h3 { break-after: avoid; }
  tr, figure, svg, .tile, .warn { break-inside: avoid; }
  .scroll { overflow: visible; } }
"""
