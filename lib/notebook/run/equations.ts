/** Equations of markdown as MathML, which browsers draw without a script, a font or a network. */
import katex from "katex";

/** Code is left alone: spans in backticks and fenced blocks. */
const codeOrMath = /(```[\s\S]*?```|`[^`\n]*`)|\$\$([\s\S]+?)\$\$|\$(?!\s)([^$\n]*(?:\n[^$\n]+)*?)(?<!\s)\$(?!\d)/g;

/** `$…$` and `$$…$$` replaced by `<math>`; what is no TeX stays as it is. */
export function withMathMl(markdown: string): string {
  return markdown.replaceAll(codeOrMath, (whole, code?: string, block?: string, inline?: string) => {
    if (code !== undefined) return whole;
    const tex = block ?? inline ?? "";
    try {
      const options = { displayMode: block !== undefined, output: "mathml", strict: "ignore" } as const;
      // One line: a blank line inside would end the paragraph.
      const math = katex.renderToString(tex.replaceAll("\n", " "), options).replaceAll("\n", " ");
      return block === undefined ? math : `\n\n<div>${math}</div>\n\n`;
    } catch {
      return whole;
    }
  });
}
