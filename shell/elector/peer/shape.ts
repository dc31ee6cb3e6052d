/**
 * Strict shapes for what comes over the wire: every field is known, has the right type and is bounded.
 * What does not fit is refused as a whole, with the place of the first mistake.
 *
 * A check carries the type that it checks, so a field, a kind or a word that is new in a type and not
 * in its check, or the other way round, is an error of the compiler.
 */

/** Answers undefined when the value is a `T`, else what is wrong with it. */
export type Check<T> = ((value: unknown, at: string) => string | undefined) & {
  /** Never there. As a function of `T` it makes a check for a part of `T`, or for more, another type. */
  readonly checks?: (value: T) => T;
};

/** A check for each field of `T`, also for those that may be missing: they take `maybe`. */
export type Fields<T> = { readonly [Name in keyof T]-?: Check<T[Name]> };

const textLengthMax = 256;

export const text: Check<string> = (value, at) =>
  typeof value === "string" && value.length <= textLengthMax ? undefined : `${at} must be a text`;

/** A whole number that JSON carries without loss, not negative. */
export const count: Check<number> = (value, at) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? undefined : `${at} must be a count`;

export const amount: Check<number> = (value, at) =>
  typeof value === "number" && Number.isFinite(value) ? undefined : `${at} must be a number`;

export const flag: Check<boolean> = (value, at) =>
  typeof value === "boolean" ? undefined : `${at} must be true or false`;

export function oneOf<Word extends string | number>(...words: readonly Word[]): Check<Word> {
  return (value, at) =>
    words.some((word) => word === value) ? undefined : `${at} must be one of ${words.join(", ")}`;
}

export function maybe<T>(check: Check<T>): Check<T | undefined> {
  return (value, at) => (value === undefined ? undefined : check(value, at));
}

export function listOf<T>(check: Check<T>, max: number): Check<readonly T[]> {
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
export function object<T extends object>(fields: Fields<T>): Check<T> {
  const checks = new Map<string, Check<never>>(Object.entries(fields));
  return (value, at) => {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      return `${at} must be an object`;
    const given = value as Readonly<Record<string, unknown>>;
    const unknown = Object.keys(given).find((name) => !checks.has(name));
    if (unknown !== undefined) return `${at}.${unknown.slice(0, 40)} is not known`;
    for (const [name, check] of checks) {
      const problem = check(given[name], `${at}.${name}`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
}

type Kinded = { readonly kind: string };

/** The fields of one kind of a union, beside `kind` itself. */
type FieldsOf<Union, Kind> = Union extends { readonly kind: infer Kinds }
  ? Kind extends Kinds
    ? { readonly [Name in Exclude<keyof Union, "kind">]-?: Check<Union[Name]> }
    : never
  : never;

/** An object whose field `kind` says which other fields it has. */
export function kinds<T extends Kinded>(
  all: {
    readonly [Kind in T["kind"]]: FieldsOf<T, Kind>;
  },
): Check<T> {
  const entries = Object.entries<Readonly<Record<string, Check<never>>>>(all);
  const checks = new Map(
    entries.map(([kind, fields]) => [kind, object({ kind: oneOf(kind), ...fields })]),
  );
  return (value, at) => {
    const kind = (value as { readonly kind?: unknown } | null | undefined)?.kind;
    const check = typeof kind === "string" ? checks.get(kind) : undefined;
    return check === undefined ? `${at}.kind is not known` : check(value, at);
  };
}
