/**
 * One output stream as a screen: may it have colours, how wide is it, which marks can it show?
 * Data goes to the screen over stdout and talk to the one over stderr; each decides for itself,
 * so `prunella status | grep` is plain while progress stays coloured.
 */
import { stripVTControlCharacters, styleText } from "node:util";

export type Style = Parameters<typeof styleText>[0];

export type Marks = {
  readonly done: string;
  readonly failed: string;
  readonly warning: string;
  readonly arrow: string;
  readonly branch: string;
  readonly bar: string;
  readonly ellipsis: string;
};

const unicodeMarks: Marks = {
  done: "✓",
  failed: "✗",
  warning: "▲",
  arrow: "→",
  branch: "└",
  bar: "│",
  ellipsis: "…",
};

const asciiMarks: Marks = {
  done: "+",
  failed: "x",
  warning: "!",
  arrow: ">",
  branch: "`",
  bar: "|",
  ellipsis: "~",
};

/** Width of what is not a terminal: nothing is cut for a pipe. */
const columnsUnbounded = 10_000;

/** Every variable that the command line reads. */
export type Environment = {
  readonly [Name in
    | "FORCE_COLOR"
    | "NO_COLOR"
    | "PATH"
    | "PRUNELLA_FILE"
    | "TERM"
    | "npm_command"
    | "npm_execpath"]?: string | undefined;
};

export class Screen {
  readonly stream: NodeJS.WriteStream;
  readonly hasColour: boolean;
  readonly hasUnicode: boolean;
  /** A terminal whose cursor can be moved. */
  readonly isTerminal: boolean;

  constructor(stream: NodeJS.WriteStream, env: Environment, noColour: boolean) {
    this.stream = stream;
    this.isTerminal = stream.isTTY === true && env.TERM !== "dumb";
    this.hasColour = !noColour && wantsColour(stream, env);
    this.hasUnicode = env.TERM !== "linux" && env.TERM !== "dumb";
  }

  get columns(): number {
    if (!this.isTerminal) return columnsUnbounded;
    return this.stream.columns > 0 ? this.stream.columns : 80;
  }

  get rows(): number {
    return this.isTerminal && this.stream.rows > 0 ? this.stream.rows : 24;
  }

  get marks(): Marks {
    return this.hasUnicode ? unicodeMarks : asciiMarks;
  }

  style(format: Style, text: string): string {
    return this.hasColour ? styleText(format, text, { validateStream: false }) : text;
  }

  write(text: string): void {
    this.stream.write(text);
  }

  line(text = ""): void {
    this.stream.write(`${text}\n`);
  }
}

/** https://no-color.org and the custom of FORCE_COLOR; a terminal that calls itself dumb gets none. */
function wantsColour(stream: NodeJS.WriteStream, env: Environment): boolean {
  const noColour = env.NO_COLOR;
  const force = env.FORCE_COLOR;
  if (noColour !== undefined && noColour !== "") return false;
  if (force !== undefined && force !== "") return force !== "0" && force !== "false";
  return stream.isTTY === true && env.TERM !== "dumb";
}

/** Columns that the text takes. Names and addresses are ASCII, so one character is one column. */
export function widthOf(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}

/** Cuts plain text to a width, and says so with an ellipsis. */
export function cut(text: string, width: number, ellipsis: string): string {
  const characters = [...text];
  if (characters.length <= width) return text;
  return width <= 0 ? "" : `${characters.slice(0, width - 1).join("")}${ellipsis}`;
}

/** Breaks plain text into lines of at most `width` columns, at spaces where there are any. */
export function wrap(text: string, width: number): readonly string[] {
  const limit = Math.max(20, width);
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    let rest = word;
    if (line !== "" && line.length + 1 + rest.length > limit) {
      lines.push(line);
      line = "";
    }
    while (rest.length > limit) {
      lines.push(rest.slice(0, limit));
      rest = rest.slice(limit);
    }
    line = line === "" ? rest : `${line} ${rest}`;
  }
  lines.push(line);
  return lines;
}

/** Cuts text that may be coloured to a width; colours that were switched on are switched off again. */
export function cutStyled(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let shown = "";
  let left = width;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are escape sequences.
  for (const part of text.split(/(\u001b\[[\d;]*m)/)) {
    if (part.startsWith("\u001b[")) {
      shown += part;
    } else {
      const characters = [...part].slice(0, left);
      shown += characters.join("");
      left -= characters.length;
    }
  }
  return shown;
}
