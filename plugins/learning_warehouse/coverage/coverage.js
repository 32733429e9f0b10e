// The page is whole without this: it adds the arrow keys.
"use strict";

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const rows = [...document.querySelectorAll(".map tbody tr")]
  .map((row) => [...row.querySelectorAll("td a")])
  .filter((row) => row.length);

// One cell takes part in the order of Tab, and the arrow keys reach the others.
function comeTo(cell) {
  for (const row of rows) for (const other of row) other.tabIndex = -1;
  cell.tabIndex = 0;
}

if (rows.length) {
  const named = document.querySelector(":target");
  const returned = named?.closest(".map") ? named : null;
  const chosen = document.querySelector('.map a[aria-current="true"]');
  comeTo(returned ?? chosen ?? rows[0].at(-1));
  returned?.focus();
  chosen?.scrollIntoView({ block: "nearest", inline: "center" });
}
document.getElementById("cell")?.scrollIntoView({ block: "start" });
document.getElementById("cell")?.focus({ preventScroll: true });

document.querySelector(".map")?.addEventListener("focusin", (event) => {
  if (event.target.matches("td a")) comeTo(event.target);
});

document.querySelector(".map")?.addEventListener("keydown", (event) => {
  const y = rows.findIndex((row) => row.includes(event.target));
  if (y < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
  const x = rows[y].indexOf(event.target);
  const step = STEPS[event.key];
  let next;
  if (step) next = rows[y + step[0]]?.[x + step[1]];
  if (event.key === "Home") next = rows[y][0];
  if (event.key === "End") next = rows[y].at(-1);
  if (!step && !next) return;
  event.preventDefault();
  next?.focus();
});

// A label that is seen, too.
document.querySelector(".map")?.addEventListener("pointerover", (event) => {
  const cell = event.target.closest("td a");
  if (cell) cell.title = cell.getAttribute("aria-label");
});
