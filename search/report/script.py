"""What the page does: draw its figures, sort its tables, fit the paper."""

SCRIPT = """
"use strict";
const buttons = [["toImage", "zoom2d", "pan2d", "resetScale2d"]];
const settings = { displaylogo: false, responsive: true, modeBarButtons: buttons };
for (const source of document.querySelectorAll("script[data-figure]")) {
  const figure = JSON.parse(source.textContent);
  Plotly.newPlot(source.dataset.figure, figure.data, figure.layout, settings);
}

function valueOf(row, column) {
  const cell = row.cells[column];
  return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
}

function compare(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  if (typeof one !== typeof other) return typeof one === "number" ? -1 : 1;
  return one.localeCompare(other, "en", { numeric: true });
}

function sortBy(heading) {
  const rising = heading.getAttribute("aria-sort") !== "ascending";
  const body = heading.closest("table").tBodies[0];
  const column = heading.cellIndex;
  const rows = Array.from(body.rows);
  rows.sort((one, other) => (rising ? 1 : -1) * compare(valueOf(one, column), valueOf(other, column)));
  for (const other of heading.parentElement.cells) other.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
  body.append(...rows);
}

for (const button of document.querySelectorAll("table.sortable thead button")) {
  button.addEventListener("click", () => sortBy(button.closest("th")));
}

const PAPER_WIDTH = 680;
function resize(change) {
  for (const plot of document.querySelectorAll(".plot")) Plotly.relayout(plot, change);
}
window.addEventListener("beforeprint", () => resize({ width: PAPER_WIDTH }));
window.addEventListener("afterprint", () => resize({ width: null, autosize: true }));
"""
