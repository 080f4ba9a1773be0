// What scrolls can be reached with the keyboard.
document.addEventListener("DOMContentLoaded", () => {
  const boxes = "pre, .table-wrapper, .cell_output > *, .convzoo-notice, .cell_output .output";
  for (const box of document.querySelectorAll(boxes)) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  }
});
