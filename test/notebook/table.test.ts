import { expect, test } from "vitest";
import { formatCell, tableHtml, tableOf, tableText } from "../../lib/notebook/table.ts";

test("cells: whole numbers whole, others with four digits, nothing as a dash", () => {
  expect([3, 33_413_184, 0.123456, 1e-9, -0.5, NaN, Infinity].map(formatCell)).toEqual([
    "3",
    "33413184",
    "0.1235",
    "1e-9",
    "-0.5",
    "–",
    "Infinity",
  ]);
  expect([null, undefined, "", "a", true].map(formatCell)).toEqual(["–", "–", "", "a", "true"]);
});

test("records: columns in the order in which they first occur, holes empty, lists as JSON", () => {
  const { head, rows, caption } = tableOf([{ a: 1, b: [1, 2] }, { c: "x", a: null }], "three columns");
  expect(head).toEqual(["a", "b", "c"]);
  expect(rows).toEqual([[1, "[1,2]", null], [null, null, "x"]]);
  expect(caption).toBe("three columns");
  expect(tableOf([])).toEqual({ head: [], rows: [] });
});

test("HTML: what is put in stays text, numbers are to the right", () => {
  const { markup } = tableHtml({ head: ["<b>"], rows: [["<script>"], [2]], caption: "a & b" });
  expect(markup).toContain("<caption>a &#38; b</caption>");
  expect(markup).toContain("<th>&#60;b&#62;</th>");
  expect(markup).toContain('<td align="left">&#60;script&#62;</td>');
  expect(markup).toContain('<td align="right">2</td>');
  expect(tableHtml({ head: [], rows: [] }).markup).not.toContain("caption");
});

test("text: columns are aligned, numbers to the right", () => {
  const text = tableText({ head: ["name", "n"], rows: [["a", 5], ["long name", 12]], caption: "Counts" });
  expect(text.split("\n")).toEqual(["Counts", "name        n", "a           5", "long name  12"]);
});
