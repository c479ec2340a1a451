"use strict";
(() => {
  const drawings = JSON.parse(document.getElementById("drawings").textContent);
  const redraw = [];

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function dressed(figure, width) {
    const named = figure.data.filter((trace) => trace.showlegend !== false);
    const widest = Math.max(0, ...named.map((trace) => trace.name.length)) * 7.5 + 50;
    const rows = Math.ceil(named.length / Math.max(1, Math.floor(width / widest)));
    const axis = { gridcolor: colour("--line"), linecolor: colour("--line") };
    const layout = figure.layout;
    const touched = matchMedia("(pointer: coarse)").matches;
    return {
      ...layout,
      height: (layout.height || 400) + 20 * rows,
      xaxis: { ...axis, ...layout.xaxis },
      yaxis: { ...axis, ...layout.yaxis },
      ...(layout.yaxis2 ? { yaxis2: { ...axis, ...layout.yaxis2 } } : {}),
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: "system-ui, sans-serif", size: 13, color: colour("--text") },
      hoverlabel: {
        align: "left", bgcolor: colour("--paper"), bordercolor: colour("--line"),
        font: { color: colour("--text") },
      },
      legend: {
        orientation: "h", maxheight: 0.9, y: 1.02, yanchor: "bottom", x: 0, xanchor: "left",
        traceorder: "normal",
      },
      hovermode: "closest",
      dragmode: touched ? false : "zoom", // a finger scrolls the page
    };
  }

  function option(select, text, index) {
    const made = document.createElement("option");
    made.textContent = text;
    made.value = String(index);
    select.append(made);
  }

  function choice(box, name, label) {
    const wrapper = document.createElement("label");
    const select = document.createElement("select");
    select.name = name;
    wrapper.append(label + " ", select);
    box.append(wrapper);
    return select;
  }

  function start(box) {
    const items = drawings[box.dataset.chart] || [];
    if (items.length === 0) return;
    const controls = box.querySelector(".choices");
    const plot = box.querySelector(".plot");
    const table = choice(controls, "table", "of");
    const axis = choice(controls, "axis", "against");
    items.forEach((item, index) => option(table, item.name, index));
    table.parentElement.hidden = items.length === 1;

    function draw() {
      const chosen = items[Number(table.value)].choices[Number(axis.value)];
      const layout = dressed(chosen.figure, plot.clientWidth);
      const settings = { responsive: true, displaylogo: false, displayModeBar: false };
      Plotly.react(plot, chosen.figure.data, layout, settings);
      plot.setAttribute("aria-label", items[Number(table.value)].name + ": " + chosen.name);
    }

    function offer() {
      const before = axis.selectedOptions[0] ? axis.selectedOptions[0].textContent : "";
      axis.replaceChildren();
      const choices = items[Number(table.value)].choices;
      choices.forEach((found, index) => option(axis, found.name, index));
      const same = choices.findIndex((found) => found.name === before);
      axis.value = String(Math.max(0, same));
      axis.parentElement.hidden = choices.length === 1;
      draw();
    }

    table.addEventListener("change", offer);
    axis.addEventListener("change", draw);
    redraw.push(draw);
    offer();
  }

  document.querySelectorAll("[data-chart]").forEach(start);
  const all = () => redraw.forEach((draw) => draw());
  document.addEventListener("themechange", all);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
})();
