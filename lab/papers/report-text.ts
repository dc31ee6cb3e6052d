/** Numbers, tables and lines as the report writes them. */

export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

export function fixed(value: number, digits = 2): string {
  return value.toFixed(digits);
}

export function percent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`;
}

export function ms(value: number): string {
  return `${Math.round(value)} ms`;
}

export function list(values: readonly string[]): string {
  return values.join(", ");
}

/** A Markdown table; columns behind the first are aligned right when they hold numbers. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const rules = titles.map((_, column) => {
    const cells = rows.map((row) => row[column] ?? "");
    return column > 0 && cells.every((cell) => /^(-|[\d.,]+( ms| s| %)?)$/.test(cell))
      ? "---:"
      : "---";
  });
  return [titles, rules, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

const columnsMax = 100;

/** Breaks the lines of paragraphs and list items anew; headings, tables, pictures and code stay. */
export function reflow(markdown: string): string {
  let isCode = false;
  const blocks = markdown.split("\n\n").map((block) => {
    const wasCode = isCode;
    if (block.split("```").length % 2 === 0) isCode = !isCode;
    if (wasCode || isCode || /^(#|\||!\[|<!--|```)/.test(block)) return block;
    return block
      .split(/\n(?=- )/)
      .map((item) => wrap(item, item.startsWith("- ") ? "  " : ""))
      .join("\n");
  });
  return blocks.join("\n\n");
}

/** No line ends inside of code, between a number and its unit, or within `N = 3`. */
function wrap(text: string, indent: string): string {
  const words =
    text.replace(/\n/g, " ").match(/(`[^`]*`|[\d.,]+ (ms|s(?!\w)|%)|[KN] = \d+|\S)+/g) ?? [];
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (longer.length <= columnsMax || line === "") {
      line = longer;
      continue;
    }
    lines.push(line);
    line = indent + word;
  }
  return [...lines, line].join("\n");
}
