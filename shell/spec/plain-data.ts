/**
 * Copies what a cluster file exports into plain data. A file is a program and may export anything:
 * functions, cycles, getters that throw. What is no data is left out and reported by its path.
 */
import type { Complaint, Path } from "./complaint.ts";

export type PlainData = { readonly value: unknown; readonly complaints: readonly Complaint[] };

const depthMax = 32;
const partsMax = 20_000;

export function plainData(source: unknown): PlainData {
  const copy = new Copy();
  return { value: copy.of(source, []), complaints: copy.complaints };
}

class Copy {
  readonly complaints: Complaint[] = [];
  readonly #open = new Set<object>();
  #parts = 0;

  of(source: unknown, path: Path): unknown {
    this.#parts += 1;
    if (this.#parts > partsMax) {
      // Said once: the parts that follow are left out in silence.
      if (this.#parts === partsMax + 1) this.#refuse(path, `is one of more than ${partsMax} parts`);
      return undefined;
    }
    if (typeof source !== "object" || source === null) return this.#primitive(source, path);
    if (this.#open.has(source)) return this.#refuse(path, "contains itself");
    if (path.length > depthMax)
      return this.#refuse(path, `is nested deeper than ${depthMax} levels`);
    this.#open.add(source);
    try {
      return this.#container(source, path);
    } catch (error) {
      // Getters and proxies run the file's own code, which may throw anything.
      const reason = error instanceof Error ? error.message : typeof error;
      return this.#refuse(path, `throws when it is read (${reason.slice(0, 200)})`);
    } finally {
      this.#open.delete(source);
    }
  }

  #primitive(source: unknown, path: Path): unknown {
    if (typeof source === "function") return this.#refuse(path, "is a function");
    if (typeof source === "symbol") return this.#refuse(path, "is a symbol");
    return typeof source === "bigint" ? this.#refuse(path, "is a bigint") : source;
  }

  #container(source: object, path: Path): unknown {
    if (Array.isArray(source) && source.length > partsMax) {
      return this.#refuse(path, `has ${source.length} elements: too many`);
    }
    if (Array.isArray(source))
      return source.map((part: unknown, index) => this.of(part, [...path, index]));
    const prototype: unknown = Object.getPrototypeOf(source);
    if (prototype !== Object.prototype && prototype !== null) {
      const name: unknown = source.constructor?.name;
      const known = typeof name === "string" && name !== "" ? name : "class instance";
      return this.#refuse(path, `is a ${known}`);
    }
    const parts = Object.entries(source).map(([name, part]: [string, unknown]) => {
      return [name, this.of(part, [...path, name])] as const;
    });
    return Object.fromEntries(parts);
  }

  #refuse(path: Path, message: string): undefined {
    this.complaints.push({
      ...{ path, at: "value", code: "CONFIG_INVALID" },
      message: `${message}, but a cluster file holds plain data`,
      fix: "write texts, numbers, true or false, lists and plain objects",
    });
    return undefined;
  }
}
