// Returns what of the page a reader cannot see, as texts; none if all is well.
(() => {
  const faults = [];
  const width = document.documentElement.clientWidth;
  const slack = 0.5; // of a pixel, for what rounding adds
  const name = (e) => e.tagName.toLowerCase() + (e.className ? "." + e.className : "");
  if (document.documentElement.scrollWidth > width) {
    faults.push(`the document is ${document.documentElement.scrollWidth} px wide, in a window of ${width} px`);
  }
  for (const e of document.body.querySelectorAll("*")) {
    const style = getComputedStyle(e);
    const clips = style.overflowX !== "visible" || style.overflowY !== "visible" || style.textOverflow !== "clip";
    if (clips && (e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight)) {
      faults.push(`${name(e)} hides a part of its content`);
    }
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    const box = text.parentElement.closest("td, th, dd, dt, header, section, footer, body").getBoundingClientRect();
    const range = document.createRange();
    range.selectNodeContents(text);
    for (const line of range.getClientRects()) {
      if (line.right > box.right + slack || line.left < box.left - slack || line.right > width + slack || line.left < -slack) {
        faults.push(`${name(text.parentElement)} leaves its box: ${text.data.trim().slice(0, 60)}`);
        break;
      }
    }
  }
  return faults;
})()
