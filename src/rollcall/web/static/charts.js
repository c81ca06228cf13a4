// Draws the tables of a page as charts; the tables stay for readers who can't see them.
"use strict";

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const drawn = [];
for (const place of document.querySelectorAll("[data-chart]")) {
  const rows = [...document.querySelectorAll(`#${CSS.escape(place.dataset.chart)} tbody tr`)].reverse();
  place.hidden = false;
  drawn.push({
    chart: echarts.init(place, null, { renderer: "canvas" }),
    kind: place.dataset.kind,
    unit: place.dataset.unit,
    days: rows.map((row) => row.cells[0].textContent),
    values: rows.map((row) => Number(row.cells[1].dataset.value)),
  });
}

function draw() {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const text = colour("--tblr-secondary");
  const line = colour("--tblr-border-color");
  for (const { chart, kind, unit, days, values } of drawn) {
    chart.setOption({
      animation: !still,
      grid: { left: 8, right: 12, top: 12, bottom: 4, containLabel: true },
      xAxis: {
        type: "category",
        data: days,
        axisLine: { lineStyle: { color: line } },
        axisTick: { show: false },
        axisLabel: { color: text, formatter: (day) => `${Number(day.slice(8))}.${Number(day.slice(5, 7))}.`, hideOverlap: true },
      },
      yAxis: {
        type: "value",
        minInterval: 1,
        scale: kind === "line",
        axisLabel: { color: text },
        splitLine: { lineStyle: { color: line } },
      },
      // Drawn on the canvas: a page of ours allows no style but that of its files.
      tooltip: { trigger: "axis", renderMode: "richText", valueFormatter: (value) => `${value.toLocaleString("en-GB")} ${unit}` },
      series: [
        {
          name: unit,
          type: kind,
          data: values,
          showSymbol: false,
          color: colour("--tblr-primary"),
          itemStyle: { borderRadius: [2, 2, 0, 0] },
          areaStyle: kind === "line" ? { opacity: 0.12 } : undefined,
          barMaxWidth: 18,
        },
      ],
    });
  }
}
draw();
addEventListener("resize", () => drawn.forEach(({ chart }) => chart.resize()));
