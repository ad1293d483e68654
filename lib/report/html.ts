/** HTML that cannot be broken by what is put into it, and the frame of a self-contained page. */

/** Markup that is already safe; everything else is escaped. */
export class Html {
  constructor(readonly markup: string) {}

  toString(): string {
    return this.markup;
  }
}

export type HtmlValue = Html | string | number | null | undefined | readonly HtmlValue[];

/** A template whose values are escaped unless they are `Html`; lists are joined, null and undefined are left out. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(strings.reduce((text, part, i) => text + render(values[i - 1]) + part));
}

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function render(value: HtmlValue): string {
  if (value === null || value === undefined) return "";
  if (value instanceof Html) return value.markup;
  if (typeof value === "object") return value.map(render).join("");
  return escapeHtml(String(value));
}

/** `data:` address of some text or bytes. */
export function dataUri(type: string, content: string | Uint8Array): string {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return `data:${type};base64,${bytes.toBase64()}`;
}

export interface TableOptions {
  readonly head: readonly HtmlValue[];
  readonly rows: readonly (readonly HtmlValue[])[];
  readonly caption?: HtmlValue;
}

/** The first column names the row; the others are set right-aligned. */
export function table({ head, rows, caption }: TableOptions): Html {
  return html`
    <div class="scroll">
      <table>${caption === undefined ? "" : html`<caption>${caption}</caption>`}
    <thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
    <tbody>${rows.map(([name, ...cells]) =>
      html`<tr><th scope="row">${name}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>\n`
    )}</tbody></table>
    </div>
  `;
}

export interface PageOptions {
  readonly title: string;
  readonly body: Html;
}

/** A whole page: no script, nothing is loaded from anywhere, and the policy forbids it too. */
export function page({ title, body }: PageOptions): string {
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
        <title>${title}</title>
        <style>${new Html(css)}</style>
      </head>
      <body>
    ${body}
      </body>
    </html>
  `.markup;
}

const css = `
:root { color-scheme: light dark; --ink: #1b1b1b; --soft: #5b6168; --paper: #ffffff; --panel: #f4f6f8; --line: #d9dee3;
  --accent: #0072b2; --warn: #fff4e0; --warn-line: #e69f00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #a6adb5; --paper: #14171a; --panel: #1e2327;
  --line: #353c43; --accent: #56b4e9; --warn: #33290f; --warn-line: #e69f00; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.35rem; margin: 3rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.5rem 0 .5rem; }
p { max-width: 46rem; margin: .5rem 0; }
.lead { color: var(--soft); }
.note { background: var(--warn); border-left: 4px solid var(--warn-line); padding: .6rem .9rem; border-radius: 4px; max-width: 46rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 1rem; margin: 1.5rem 0 .5rem; }
.card { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.1rem; }
.card .name { color: var(--soft); font-size: .9rem; }
.card .value { font-size: 2.2rem; font-weight: 700; line-height: 1.25; font-variant-numeric: tabular-nums; }
.card .detail { color: var(--soft); font-size: .85rem; font-variant-numeric: tabular-nums; }
figure { margin: 1rem 0 1.5rem; }
figure img { display: block; max-width: 100%; height: auto; background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: .4rem; }
figcaption { color: var(--soft); font-size: .9rem; max-width: 46rem; margin-top: .5rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; margin: .75rem 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: .35rem; }
th, td { padding: .35rem .8rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child { text-align: left; }
thead th { color: var(--soft); font-weight: 600; }
tbody th { font-weight: 500; }
details { margin: .75rem 0; }
summary { cursor: pointer; color: var(--accent); }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: .9rem 1rem; overflow-x: auto; font-size: .82rem; line-height: 1.45; }
footer { margin-top: 3rem; color: var(--soft); font-size: .85rem; }
@media print { main { max-width: none; padding: 0; } h2 { break-after: avoid; } figure, table, .card { break-inside: avoid; }
  body { font-size: 11pt; } details > * { display: block; } }
`;
