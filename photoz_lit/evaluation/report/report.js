"use strict";
// Tables: a click on a head sorts by its column, a second one turns the order round.
const numberIn = (text) => parseFloat(text.replace(/,/g, "").replace("−", "-").replace(/^\+/, ""));
function compared(a, b) {
  const [x, y] = [numberIn(a), numberIn(b)];
  if (Number.isNaN(x) && Number.isNaN(y)) return a.localeCompare(b, undefined, {numeric: true});
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
  return x - y;
}
function sortBy(table, column) {
  const heads = [...table.tHead.rows[0].cells];
  const turned = heads[column].getAttribute("aria-sort") === "ascending";
  heads.forEach((head) => head.removeAttribute("aria-sort"));
  heads[column].setAttribute("aria-sort", turned ? "descending" : "ascending");
  const rows = [...table.tBodies[0].rows];
  const text = (row) => row.cells[column].textContent.trim();
  rows.sort((a, b) => (turned ? -1 : 1) * compared(text(a), text(b)));
  table.tBodies[0].append(...rows);
}
document.querySelectorAll("table.sortable").forEach((table) => {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.textContent = head.textContent;
    button.addEventListener("click", () => sortBy(table, column));
    head.replaceChildren(button);
  });
});
// Figures: a click shows one as large as the window, another one at its full size.
const dialog = document.getElementById("large");
const large = dialog.querySelector("img");
document.querySelectorAll("button.zoom").forEach((button) => {
  button.addEventListener("click", () => {
    const image = button.querySelector("img");
    large.src = image.src;
    large.alt = image.alt;
    large.className = "";
    dialog.className = button.parentElement.classList.contains("sky") ? "" : "inverted";
    dialog.showModal();
  });
});
large.addEventListener("click", () => large.classList.toggle("full"));
dialog.querySelector(".close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
