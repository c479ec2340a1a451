"use strict";
(() => {
  function key(cell) {
    if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
    const text = cell.textContent.trim();
    const found = text.replace(/,/g, "").match(/^x?([+-]?\d+(\.\d+)?)/);
    return found ? Number(found[1]) : text.toLowerCase();
  }

  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
    return typeof a === "number" ? -1 : 1;
  }

  function sort(table, head, column) {
    const up = head.getAttribute("aria-sort") !== "ascending";
    table.querySelectorAll("thead th").forEach((th) => th.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => ({
      row, empty: row.cells[column].textContent.trim() === "", key: key(row.cells[column]),
    }));
    rows.sort((a, b) => {
      if (a.empty !== b.empty) return a.empty ? 1 : -1; // whatever the direction
      return up ? compare(a.key, b.key) : compare(b.key, a.key);
    });
    body.append(...rows.map((found) => found.row));
  }

  function sortable(table) {
    table.querySelectorAll("thead th").forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      button.addEventListener("click", () => sort(table, head, column));
      head.replaceChildren(button);
      head.setAttribute("aria-sort", "none");
    });
  }

  function filterable(table) {
    const rows = [...table.querySelectorAll("tbody tr")].filter((row) => !row.dataset.group);
    if (rows.length < 2) return;
    const label = document.createElement("label");
    const input = document.createElement("input");
    const count = document.createElement("output");
    input.type = "search";
    label.className = "filter";
    label.append("Filter rows ", input, " ", count);
    table.parentElement.before(label);

    const text = (row) => {
      const group = row.parentElement.rows[0];
      const more = group.dataset.group ? group.textContent : "";
      return (row.textContent + " " + more).toLowerCase();
    };
    let texts = null;
    input.addEventListener("input", () => {
      texts = texts || rows.map(text);
      const wanted = input.value.trim().toLowerCase();
      let shown = 0;
      rows.forEach((row, index) => {
        row.hidden = !texts[index].includes(wanted);
        if (!row.hidden) shown += 1;
      });
      count.textContent = wanted ? shown + " of " + rows.length + " rows" : "";
      [...table.tBodies].forEach((body) => {
        if (!body.rows[0] || !body.rows[0].dataset.group) return;
        body.rows[0].hidden = [...body.rows].slice(1).every((row) => row.hidden);
      });
    });
    window.addEventListener("hashchange", () => {
      if (input.value && table.querySelector(":target")) {
        input.value = "";
        input.dispatchEvent(new Event("input"));
        table.querySelector(":target").scrollIntoView();
      }
    });
  }

  function cut(box) {
    const line = document.createElement("p");
    line.className = "cut";
    line.hidden = true;
    box.after(line);
    new ResizeObserver(() => {
      const edge = box.getBoundingClientRect().left + box.clientWidth + 1;
      const outside = [...box.querySelectorAll("thead th")]
        .filter((head) => head.getBoundingClientRect().right + box.scrollLeft > edge).length;
      line.hidden = outside === 0;
      line.textContent = outside + (outside === 1 ? " more column: " : " more columns: ")
        + "scroll the table sideways";
    }).observe(box);
  }

  function theme() {
    const button = document.createElement("button");
    const dark = matchMedia("(prefers-color-scheme: dark)");
    button.type = "button";
    button.id = "theme";
    const root = document.documentElement;
    const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
    const name = () => (button.textContent = isDark() ? "Light theme" : "Dark theme");
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      name();
      document.dispatchEvent(new Event("themechange"));
    });
    dark.addEventListener("change", name);
    name();
    document.querySelector("header").append(button);
  }

  document.querySelectorAll("table.sortable").forEach(sortable);
  document.querySelectorAll("table.filterable").forEach(filterable);
  document.querySelectorAll(".scroll:not(.tall)").forEach(cut);
  theme();
})();
