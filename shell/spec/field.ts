/**
 * Building blocks of the schema. A field carries the facts that the reference page prints and one
 * function that finds fault with a value; so text, check and documentation cannot drift apart.
 */
import { z } from "zod";
import { shown } from "./complaint.ts";
import { nearestName } from "./nearest-name.ts";

/** What `docs/reference/cluster-file.md` says about a field. */
export type FieldFacts = {
  readonly type: string;
  readonly unit?: string;
  readonly default: string;
  readonly meaning: string;
};

export const fieldFacts = z.registry<FieldFacts>();

/** What is wrong with one value, and what to do about it. */
export type Fault = {
  readonly message: string;
  readonly fix: string;
  readonly code?: "NOT_YET";
  readonly at?: "key";
};

/** Travels inside a zod issue from a field to `cluster-check.ts`. */
export type FaultParams = Required<Pick<Fault, "fix">> & Pick<Fault, "code" | "at">;

export const emptyFault: Fault = {
  message: "is empty",
  fix: "give it a value, or remove the line",
};

export const missingFault: Fault = { message: "is missing", fix: "add it" };

/** A field whose whole value `fault` judges. A value of null (YAML: `count:`) is never right. */
export function field<T>(facts: FieldFacts, fault: (value: unknown) => Fault | undefined) {
  return z
    .custom<T>()
    .superRefine((value, context) => {
      const found = value === null ? emptyFault : fault(value);
      if (found === undefined) return;
      const { message, ...params } = found;
      context.addIssue({ code: "custom", message, params });
    })
    .register(fieldFacts, facts);
}

export type WholeFacts = {
  readonly min: number;
  readonly max: number;
  readonly unit?: "ms" | "MiB";
  readonly default: string;
  readonly meaning: string;
};

const unitNames = { ms: "milliseconds", MiB: "MiB" };

const unitSizes: Readonly<Record<string, number>> = {
  ...{ ms: 1, s: 1000, sec: 1000, m: 60_000, min: 60_000, h: 3_600_000 },
  ...{ MiB: 1, Mi: 1, MB: 1, M: 1, GiB: 1024, Gi: 1024, GB: 1024, G: 1024 },
};

export function whole(facts: WholeFacts) {
  const type = `whole number, ${facts.min} to ${facts.max}`;
  const unit = facts.unit === undefined ? undefined : unitNames[facts.unit];
  const wanted = `must be a whole number ${unit === undefined ? "" : `of ${unit} `}from ${facts.min} to ${facts.max}`;
  return field<number>(
    { type, ...(unit && { unit }), default: facts.default, meaning: facts.meaning },
    (value) => {
      if (value === undefined) return missingFault;
      if (typeof value === "number" && Number.isInteger(value)) {
        if (value >= facts.min && value <= facts.max) return undefined;
        const bound = value < facts.min ? facts.min : facts.max;
        return {
          message: `${wanted}, not ${shown(value)}`,
          fix: `write ${bound} or ${value < facts.min ? "more" : "less"}`,
        };
      }
      return { message: `${wanted}, not ${shown(value)}`, fix: wholeFix(value, facts) };
    },
  );
}

/** Guesses what was meant: `"3"`, `"5s"`, `"16MiB"`, `2.5`. */
function wholeFix(value: unknown, facts: WholeFacts): string {
  const fits = (guess: number) =>
    Number.isInteger(guess) && guess >= facts.min && guess <= facts.max;
  if (typeof value === "number" && fits(Math.ceil(value))) return `write ${Math.ceil(value)}`;
  if (typeof value === "string") {
    const match = /^\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*$/.exec(value);
    const size = match?.[2] === "" ? 1 : unitSizes[match?.[2] ?? ""];
    const guess = Number(match?.[1]) * (size ?? Number.NaN);
    if (fits(guess)) return `write ${guess} without quotes`;
  }
  const unit = facts.unit === undefined ? "" : `, in ${unitNames[facts.unit]}`;
  return `write a plain number${unit}`;
}

/** A text that `fault` may refuse. */
export function text(
  facts: Omit<FieldFacts, "type"> & { readonly type?: string },
  fault: (value: string) => Fault | undefined,
) {
  return field<string>({ type: "text", ...facts }, (value) => {
    if (value === undefined) return missingFault;
    if (typeof value === "string") return fault(value);
    const quotable = typeof value === "number" || typeof value === "boolean";
    return {
      message: `must be a text, not ${shown(value)}`,
      fix: quotable ? `put it in quotes: "${String(value)}"` : "write a text in quotes",
    };
  });
}

/** One of a few words. */
export function choice<const Name extends string>(facts: FieldFacts, names: readonly Name[]) {
  return field<Name>(facts, (value) => {
    if (names.some((name) => name === value)) return undefined;
    const near = typeof value === "string" ? nearestName(value, names) : undefined;
    return {
      message: `must be ${alternatives(names)}, not ${shown(value)}`,
      fix: `write "${near ?? names[0]}"`,
    };
  });
}

function alternatives(names: readonly string[]): string {
  const quoted = names.map((name) => `"${name}"`);
  const last = quoted.at(-1) ?? "";
  return quoted.length < 2 ? last : `${quoted.slice(0, -1).join(", ")} or ${last}`;
}

/** A number that need not be whole. */
export function decimal(facts: Omit<WholeFacts, "unit">) {
  const range = `from ${facts.min} to ${facts.max}`;
  const type = `number, ${facts.min} to ${facts.max}`;
  return field<number>({ type, default: facts.default, meaning: facts.meaning }, (value) => {
    if (value === undefined) return missingFault;
    const isNumber = typeof value === "number" && Number.isFinite(value);
    if (isNumber && value >= facts.min && value <= facts.max) return undefined;
    const guess = typeof value === "string" && value.trim() !== "" ? Number(value) : Number.NaN;
    const fits = guess >= facts.min && guess <= facts.max;
    const bound = isNumber && value < facts.min ? facts.min : facts.max;
    const fix = isNumber
      ? `write ${bound} or ${value < facts.min ? "more" : "less"}`
      : "write a plain number";
    return {
      message: `must be a number ${range}, not ${shown(value)}`,
      fix: fits ? `write ${guess} without quotes` : fix,
    };
  });
}

/** A list that people may also write as its only element. */
export function oneOrMany<Element extends z.ZodType>(element: Element, max: number) {
  const list = z.array(element).max(max);
  return z.preprocess((value) => (Array.isArray(value) ? value : [value]), list);
}
