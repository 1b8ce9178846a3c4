"use strict";
// Words at the pointer, and tables that sort. Everything is there without it.
(() => {
  const S = 1000;
  const fixed = (v, digits) => {
    const text = Math.abs(v).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    return (v < 0 && Number(text.replace(/,/g, "")) !== 0 ? "\u2212" : "") + text;
  };
  const points = (path) => {
    const out = [];
    let x = 0;
    for (const [, kind, body] of path.getAttribute("d").matchAll(/([MLHV])([^MLHV]*)/g)) {
      const n = body.split(",").map(Number);
      if (kind === "H") { x = n[0]; continue; }
      if (kind === "V") out.push([x, n[0]]);
      else { x = n[0]; out.push([x, n[1]]); }
    }
    return out.sort((a, b) => a[0] - b[0]);
  };
  const held = (line, x) => {
    let low = 0, high = line.length - 1;
    if (high < 0 || x < line[0][0] || x > line[high][0] + 2) return null;
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if (line[mid][0] <= x) low = mid; else high = mid - 1;
    }
    return line[low][1];
  };

  for (const chart of document.querySelectorAll(".chart[data-x0]")) {
    const area = chart.querySelector(".area");
    const d = chart.dataset;
    const [x0, x1, y0, y1] = [d.x0, d.x1, d.y0, d.y1].map(Number);
    const hits = JSON.parse(chart.querySelector("script.hits").textContent);
    const lines = [...chart.querySelectorAll("path[data-name]")]
      .map((p) => ({ name: p.dataset.name, digits: Number(p.dataset.digits), at: points(p) }));
    const cross = document.createElement("i"), tip = document.createElement("div");
    cross.className = "cross";
    tip.className = "tip";
    cross.hidden = tip.hidden = true;
    area.append(cross, tip);
    const show = (event) => {
      const box = area.getBoundingClientRect();
      const px = event.clientX - box.left, py = event.clientY - box.top;
      const x = Math.min(Math.max(px / box.width, 0), 1) * S;
      const value = x0 + (x / S) * (x1 - x0);
      const words = [d.xkind === "time"
        ? new Date(Number(d.xzero) + value * 1000).toISOString().slice(11, 21) + " UTC"
        : `${fixed(value, 1)} ${d.xunit}`];
      let near = null, best = d.xkind === "names" ? Infinity : 14 * 14;
      for (const [hx, hy, word] of hits) {
        // Of columns the nearest one, however high the pointer is.
        const up = d.xkind === "names" ? 0 : (hy / S) * box.height - py;
        const far = ((hx / S) * box.width - px) ** 2 + up ** 2;
        if (far < best) { best = far; near = word; }
      }
      if (near) words.splice(0, 1, near);
      else for (const line of lines) {
        const y = held(line.at, x);
        if (y !== null) words.push(`${line.name}: ${fixed(y0 + (1 - y / S) * (y1 - y0), line.digits)} ${d.yunit.split(" ")[0]}`);
      }
      tip.textContent = words.join("\n");
      cross.hidden = tip.hidden = false;
      cross.style.left = `${(x / S) * 100}%`;
      const right = x > S / 2;
      tip.style.left = right ? "" : `calc(${(x / S) * 100}% + 12px)`;
      tip.style.right = right ? `calc(${100 - (x / S) * 100}% + 12px)` : "";
    };
    area.addEventListener("pointermove", show);
    area.addEventListener("pointerdown", show);
    area.addEventListener("pointerleave", () => { cross.hidden = tip.hidden = true; });
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
    heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
      const falling = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const key = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent;
      const isNumber = head.classList.contains("n");
      const compare = (a, b) => {
        const [u, v] = [key(a), key(b)];
        // What has no value stays last, whichever way the rest goes.
        if ((u === "") !== (v === "")) return u === "" ? 1 : -1;
        return (falling ? -1 : 1) * (isNumber ? Number(u) - Number(v) : u.localeCompare(v));
      };
      body.append(...[...body.rows].sort(compare));
    }));
  }
})();
