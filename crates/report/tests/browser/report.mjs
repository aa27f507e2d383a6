// Looks at an HTML report in Chromium: node report.mjs REPORT.html [FOLDER for screenshots and the PDF]
//
// Expects a report over an event whose user agent, parameters and names try to run scripts that set the title to PWNED.
import { strict as assert } from "node:assert";
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [report, folder = "."] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
const requests = [];
const complaints = [];
page.on("request", (request) => requests.push(request.url()));
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("console", (message) => complaints.push(message.text()));
page.on("dialog", (dialog) => complaints.push(`dialog: ${dialog.message()}`));

const url = pathToFileURL(resolve(report)).href;
await page.goto(url);
await page.screenshot({ path: `${folder}/top.png` });

// Nothing is loaded, nothing of the log runs.
assert.deepEqual(requests, [url]);
assert.deepEqual(complaints, []);
assert.ok(!(await page.title()).includes("PWNED"));
assert.equal(await page.locator("img").count(), 0);
assert.equal(await page.locator("script").count(), 3);
assert.ok((await page.locator("td", { hasText: "<script>" }).count()) > 0, "the hostile text is shown as text");

// Charts are drawn: their canvases are not blank.
const blank = await page.locator("canvas").evaluateAll((canvases) => canvases.filter((canvas) => {
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return !pixels.some((value) => value !== 0);
}).length);
assert.ok((await page.locator("canvas").count()) > 0);
assert.equal(blank, 0);

// Short text stays on one line; long text wraps, but not into a column of single words.
const heights = await page.locator("table.rows td.s").evaluateAll((cells) => cells.map((cell) => {
  const line = parseFloat(getComputedStyle(cell).lineHeight);
  const range = document.createRange();
  range.selectNodeContents(cell);
  return range.getBoundingClientRect().height / line;
}));
assert.ok(heights.length > 0 && heights.every((lines) => lines < 1.5), `${Math.max(...heights)} lines of a short cell`);
const widths = await page.locator("table.rows td.l").evaluateAll((cells) => cells.map((cell) => cell.getBoundingClientRect().width));
const rem = await page.evaluate(() => parseFloat(getComputedStyle(document.documentElement).fontSize));
assert.ok(widths.length > 0 && widths.every((width) => width >= 14 * rem - 1), `${Math.min(...widths)} px of a long cell`);

// The first table with several rows sorts both ways, and filters.
const table = page.locator("table.rows", { has: page.locator("tbody tr:nth-child(3)") }).first();
const firstColumn = () => table.locator("tbody tr:not([hidden]) td:first-child").allTextContents();
await table.locator("th button").first().click();
const ascending = await firstColumn();
assert.deepEqual(ascending, [...ascending].sort((a, b) => a.localeCompare(b)));
await table.locator("th button").first().click();
assert.deepEqual(await firstColumn(), [...ascending].sort((a, b) => b.localeCompare(a)));
const section = page.locator("section.query", { has: table }).first();
await section.locator("input.filter").fill(ascending[0]);
const filtered = await firstColumn();
assert.ok(filtered.length > 0 && filtered.length < ascending.length, `${filtered.length} of ${ascending.length}`);
await section.screenshot({ path: `${folder}/filtered.png` });
await section.locator("input.filter").fill("");

const pdf = await page.pdf({ path: `${folder}/report.pdf`, preferCSSPageSize: true });
assert.ok(pdf.length > 10_000);
assert.deepEqual(requests, [url]);
await browser.close();
console.log(`${requests.length} request, ${ascending.length} rows sorted, ${filtered.length} kept by the filter`);
