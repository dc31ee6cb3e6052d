/**
 * The source names its endpoints and not their bodies. Whoever wrote a member to that document sent what
 * seemed natural, so every natural form of "this number" is understood: a bare number, an object with one
 * of the usual names, or a form.
 */

const names = ["leader", "id", "pod_id", "sender"] as const;

/** The number that a body states; undefined when it states none. */
export function oldNumber(body: string): number | undefined {
  const text = body.trim();
  if (text === "") return undefined;
  return whole(text) ?? fromJson(text) ?? fromForm(text);
}

function fromJson(text: string): number | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return whole(value);
  const fields = value as Readonly<Record<string, unknown>>;
  return firstOf(names.map((name) => fields[name]));
}

function fromForm(text: string): number | undefined {
  const fields = new URLSearchParams(text);
  return firstOf(names.map((name) => fields.get(name)));
}

function firstOf(values: readonly unknown[]): number | undefined {
  return values.map(whole).find((number) => number !== undefined);
}

function whole(value: unknown): number | undefined {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) && number >= 0
    ? number
    : undefined;
}
