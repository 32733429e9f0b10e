// A page is whole without this: it adds Escape and buttons to copy, and lets links leave Airflow's
// frame.
"use strict";

// Escape closes what was chosen.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.target.closest("select")) {
    document.querySelector(".close a")?.click();
  }
});

for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const command = button.parentElement.querySelector("pre");
    try {
      await navigator.clipboard.writeText(command.textContent);
    } catch {
      // Without HTTPS a page has no clipboard, but what is selected can be copied.
      getSelection().selectAllChildren(command);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
  });
}

// Airflow shows the page in a sandboxed frame, out of which a link does not lead by itself.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a.leave");
  if (!link || window === window.parent) return;
  const outside = window.parent.document.createElement("a");
  outside.href = link.href;
  if (event.ctrlKey || event.metaKey || event.shiftKey) outside.target = "_blank";
  outside.click();
  event.preventDefault();
});
