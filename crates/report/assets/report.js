"use strict";
// Sorting, filtering and charts. All text is set as text, never as markup; nothing is loaded.

const COLOURS = ["#0969da", "#cf222e", "#1a7f37", "#9a6700", "#8250df", "#bf3989", "#0a7d91", "#57606a"];
const MAX_BARS = 20;
const MAX_SERIES = 8;

function compareCells(numeric) {
  return (a, b) => {
    if (a === b) return 0;
    if (a === null) return 1;
    if (b === null) return -1;
    return numeric ? Number(a) - Number(b) : a.localeCompare(b);
  };
}

function cellValue(row, index) {
  const cell = row.cells[index];
  return cell.classList.contains("null") ? null : cell.textContent;
}

function sortTable(table, index) {
  const heading = table.tHead.rows[0].cells[index];
  const ascending = heading.getAttribute("aria-sort") !== "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const compare = compareCells(heading.classList.contains("n"));
  const rows = Array.from(table.tBodies[0].rows, (row) => [cellValue(row, index), row]);
  rows.sort(([a], [b]) => (a === null || b === null || ascending ? compare(a, b) : compare(b, a)));
  table.tBodies[0].append(...rows.map(([, row]) => row));
}

function filterTable(table, text, count) {
  const wanted = text.toLowerCase();
  let shown = 0;
  for (const row of table.tBodies[0].rows) {
    row.hidden = !row.textContent.toLowerCase().includes(wanted);
    if (!row.hidden) shown += 1;
  }
  count.textContent = wanted === "" ? "" : `${shown} of ${table.tBodies[0].rows.length} rows`;
}

function prepareTable(section) {
  const table = section.querySelector("table.rows");
  if (table === null) return;
  Array.from(table.tHead.rows[0].cells).forEach((heading, index) => {
    heading.querySelector("button").addEventListener("click", () => sortTable(table, index));
  });
  const filter = section.querySelector("input.filter");
  const count = section.querySelector(".count");
  filter.addEventListener("input", () => filterTable(table, filter.value, count));
}

function columnOf(query, name) {
  const index = query.columns.findIndex((column) => column.name === name);
  return query.rows.map((row) => row[index]);
}

function label(value) {
  const text = value === null ? "NULL" : String(value).replace(/T00:00:00Z$/, "").replace(/:00Z$/, "");
  return text.length > 48 ? `${text.slice(0, 47)}…` : text;
}

/** Sums values by label: what the chart of one series shows. */
function totals(labels, values) {
  const sums = new Map();
  labels.forEach((name, i) => sums.set(name, (sums.get(name) ?? 0) + Number(values[i] ?? 0)));
  return sums;
}

function perDay(query, x) {
  const days = columnOf(query, x).map((time) => (time === null ? "NULL" : String(time).slice(0, 10)));
  return new Map([...totals(days, days.map(() => 1))].sort());
}

/** The series with the largest sums, each as a map from label to value. */
function series(query, chart) {
  const [xs, ys] = [columnOf(query, chart.x).map(label), columnOf(query, chart.y)];
  if (chart.series === null) return [[chart.y, totals(xs, ys)]];
  const names = columnOf(query, chart.series).map(label);
  const largest = [...totals(names, ys)].sort((a, b) => b[1] - a[1]).slice(0, MAX_SERIES);
  return largest.map(([name]) => {
    const own = xs.map((_, i) => i).filter((i) => names[i] === name);
    return [name, totals(own.map((i) => xs[i]), own.map((i) => ys[i]))];
  });
}

function chartData(query) {
  const chart = query.chart;
  let sets = chart.y === null ? [["rows", perDay(query, chart.x)]] : series(query, chart);
  if (chart.kind === "bar" && chart.y !== null) {
    sets = sets.map(([name, sums]) => [name, new Map([...sums].sort((a, b) => b[1] - a[1]).slice(0, MAX_BARS))]);
  }
  let labels = [...new Set(sets.flatMap(([, sums]) => [...sums.keys()]))];
  if (chart.kind === "line") labels = labels.sort();
  const datasets = sets.map(([name, sums], i) => ({
    label: name, data: labels.map((x) => sums.get(x) ?? 0), borderColor: COLOURS[i % COLOURS.length],
    backgroundColor: COLOURS[i % COLOURS.length], borderWidth: chart.kind === "line" ? 2 : 0, pointRadius: 2,
  }));
  return { labels, datasets };
}

function drawChart(section, query) {
  const canvas = section.querySelector("canvas");
  if (canvas === null) return null;
  const sideways = query.chart.kind === "bar" && query.chart.y !== null;
  return new Chart(canvas, {
    type: query.chart.kind,
    data: chartData(query),
    options: {
      animation: false, responsive: true, maintainAspectRatio: false, indexAxis: sideways ? "y" : "x",
      plugins: { legend: { display: query.chart.series !== null } },
      scales: {
        [sideways ? "x" : "y"]: { beginAtZero: true, ticks: { precision: 0 } },
        [sideways ? "y" : "x"]: { ticks: { autoSkip: !sideways, font: { size: sideways ? 10 : 12 } } },
      },
      maxBarThickness: 60,
    },
  });
}

function start() {
  const report = JSON.parse(document.getElementById("trailql-report").textContent);
  const sections = document.querySelectorAll("section.query");
  const charts = Array.from(sections, (section, index) => {
    prepareTable(section);
    return drawChart(section, report.queries[index]);
  });
  window.addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
    for (const chart of charts) if (chart !== null) chart.resize();
  });
}

start();
