/**
 * Strict shapes for what comes over the wire: every field is known, has the right type and is bounded.
 * What does not fit is refused as a whole, with the place of the first mistake.
 */

/** Answers undefined when the value fits, else what is wrong with it. */
export type Check = (value: unknown, at: string) => string | undefined;

const textLengthMax = 256;

export const text: Check = (value, at) =>
  typeof value === "string" && value.length <= textLengthMax ? undefined : `${at} must be a text`;

/** A whole number that JSON carries without loss, not negative. */
export const count: Check = (value, at) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? undefined : `${at} must be a count`;

export const amount: Check = (value, at) =>
  typeof value === "number" && Number.isFinite(value) ? undefined : `${at} must be a number`;

export const flag: Check = (value, at) =>
  typeof value === "boolean" ? undefined : `${at} must be true or false`;

export function oneOf(...words: readonly string[]): Check {
  return (value, at) =>
    words.includes(value as string) ? undefined : `${at} must be one of ${words.join(", ")}`;
}

export function maybe(check: Check): Check {
  return (value, at) => (value === undefined ? undefined : check(value, at));
}

export function listOf(check: Check, max: number): Check {
  return (value, at) => {
    if (!Array.isArray(value) || value.length > max)
      return `${at} must be a list of at most ${max}`;
    for (const [index, item] of value.entries()) {
      const problem = check(item, `${at}[${index}]`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
}

/** An object with these fields and no others. */
export function object(fields: Readonly<Record<string, Check>>): Check {
  return (value, at) => {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      return `${at} must be an object`;
    const given = value as Readonly<Record<string, unknown>>;
    const unknown = Object.keys(given).find((name) => !Object.hasOwn(fields, name));
    if (unknown !== undefined) return `${at}.${unknown.slice(0, 40)} is not known`;
    for (const [name, check] of Object.entries(fields)) {
      const problem = check(given[name], `${at}.${name}`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
}

/** An object whose field `kind` says which other fields it has. */
export function kinds(all: Readonly<Record<string, Readonly<Record<string, Check>>>>): Check {
  const checks = new Map(
    Object.entries(all).map(([kind, fields]) => [kind, object({ kind: oneOf(kind), ...fields })]),
  );
  return (value, at) => {
    const kind = (value as { readonly kind?: unknown } | null | undefined)?.kind;
    const check = typeof kind === "string" ? checks.get(kind) : undefined;
    return check === undefined ? `${at}.kind is not known` : check(value, at);
  };
}
