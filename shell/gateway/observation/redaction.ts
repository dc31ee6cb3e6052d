/**
 * Blanks the values of secret query parameters in a request target before it is logged. Pure.
 *
 * The names below are blanked always; a deployment adds its own. A name counts however it is
 * spelled: in any case and percent-encoded, because a backend would read it just the same.
 */
const alwaysSecret: readonly string[] = [
  "access_token",
  "api_key",
  "apikey",
  "auth",
  "client_secret",
  "code",
  "id_token",
  "jwt",
  "passwd",
  "password",
  "pwd",
  "refresh_token",
  "secret",
  "sig",
  "signature",
  "token",
];

const blank = "[redacted]";

export function secretNames(more: readonly string[]): ReadonlySet<string> {
  return new Set([...alwaysSecret, ...more].map((name) => name.toLowerCase()));
}

export function redactTarget(target: string, secrets: ReadonlySet<string>): string {
  const queryAt = target.indexOf("?");
  if (queryAt < 0) return target;
  const query = target.slice(queryAt + 1);
  // The separators stay where they are; `;` separates for some backends.
  const parts = query.split(/([&;])/);
  return `${target.slice(0, queryAt)}?${parts.map((part) => redactPart(part, secrets)).join("")}`;
}

function redactPart(part: string, secrets: ReadonlySet<string>): string {
  const equalsAt = part.indexOf("=");
  if (equalsAt < 0) return part;
  const name = part.slice(0, equalsAt);
  return secrets.has(decoded(name).toLowerCase()) ? `${name}=${blank}` : part;
}

function decoded(name: string): string {
  if (!name.includes("%") && !name.includes("+")) return name;
  try {
    return decodeURIComponent(name.replaceAll("+", " "));
  } catch {
    return name; // Not well encoded: no backend will find a secret under it either.
  }
}
