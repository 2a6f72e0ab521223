"""How the page looks, on a screen and on paper."""

STYLE = """
:root { --ink: #1c2530; --soft: #566070; --line: #dfe3e8; --accent: #0060a0; --ground: #ffffff; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); line-height: 1.55; font-size: 16px;
  font-family: system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; }
main, header, nav, footer { max-width: 63rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.5rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .4rem; letter-spacing: -.01em; }
h2 { font-size: 1.35rem; margin: 3rem 0 .6rem; padding-top: .8rem; border-top: 2px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.8rem 0 .4rem; }
p { margin: .5rem 0 .8rem; max-width: 46rem; }
a { color: var(--accent); }
code { font-size: .9em; background: #f2f4f7; padding: .1em .35em; border-radius: 3px; overflow-wrap: anywhere; }
.lead { font-size: 1.12rem; }
.soft, footer { color: var(--soft); font-size: .9rem; }
.notice { border-left: 4px solid #d55e00; background: #fdf3ec; padding: .6rem .9rem; max-width: none; }
nav ol { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: 0; margin: 1rem 0 0; list-style: none; }
nav a { text-decoration: none; font-size: .92rem; }
nav a:hover, nav a:focus { text-decoration: underline; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .8rem 1.2rem; margin: 1rem 0; }
dl div { border-left: 3px solid var(--line); padding-left: .7rem; }
dt { color: var(--soft); font-size: .82rem; }
dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.scroll { overflow: auto; max-height: 50rem; margin: 1rem 0; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: .6rem .7rem; color: var(--soft); }
th, td { padding: .32rem .5rem; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
tbody th { font-weight: 400; }
thead th { position: sticky; top: 0; background: #f5f7f9; padding: 0; vertical-align: bottom; z-index: 1; }
thead button { all: unset; box-sizing: border-box; width: 100%; padding: .4rem .5rem; cursor: pointer;
  font-weight: 600; }
thead button:focus-visible, .scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }
thead button::after { content: "\\00a0\\2195"; color: #98a2ae; }
th[aria-sort=ascending] button::after { content: "\\00a0\\2191"; color: var(--ink); }
th[aria-sort=descending] button::after { content: "\\00a0\\2193"; color: var(--ink); }
.number, .number button { text-align: right; }
tbody .number, .short { white-space: nowrap; }
.long { min-width: 17rem; }
tbody tr:hover { background: #f5f8fb; }
figure { margin: 1.2rem 0 1.6rem; }
figcaption { color: var(--soft); font-size: .92rem; max-width: 46rem; margin-top: .2rem; }
.plot { width: 100%; overflow: hidden; }
.elements { display: grid; grid-template-columns: repeat(18, minmax(0, 1fr)); gap: 2px; min-width: 46rem; }
.elements div { border-radius: 3px; padding: 2px 3px; font-size: .62rem; line-height: 1.25; min-height: 2.9rem;
  border: 1px solid var(--line); font-variant-numeric: tabular-nums; overflow: hidden; }
.elements b { display: block; font-size: .82rem; }
.elements .unseen { color: #68717d; background: #fff; }
.elements .outside { color: #a3abb5; background: #fff; border-style: dotted; }
.wide { overflow-x: auto; }
.key { display: flex; align-items: center; gap: .5rem; font-size: .82rem; color: var(--soft); margin: .6rem 0; }
.key i { width: 1.6rem; height: .9rem; display: inline-block; border: 1px solid var(--line); margin-right: -.5rem; }
footer { margin-top: 3rem; padding-bottom: 3rem; }
@media print {
  body { font-size: 10.5pt; }
  nav, thead button::after, .modebar { display: none !important; }
  main, header, footer { max-width: none; padding: 0; }
  .scroll { max-height: none; overflow: visible; border: none; }
  table { font-size: 8pt; }
  tbody th, tbody td, thead button { padding: .15rem .35rem; }
  tbody td.short, tbody th.short { white-space: normal; }
  .long { min-width: 0; }
  thead th { position: static; }
  thead { display: table-header-group; }
  figure, tr, dl div { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .elements { min-width: 0; }
  .elements div, .key i { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  a { color: inherit; text-decoration: none; }
}
"""
