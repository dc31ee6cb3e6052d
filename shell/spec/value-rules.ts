/** Rules for texts of the cluster file that mean something: addresses, paths, routes, keys, programs. */
import { isIP } from "node:net";
import { isName, nameLengthMax } from "@prunella/core/kernel";
import { splitCommand } from "./command-line.ts";
import { shown } from "./complaint.ts";
import { limits } from "./defaults.ts";
import type { Fault } from "./field.ts";
import { nearestName } from "./nearest-name.ts";

export function nameFault(value: string, lengthMax: number = nameLengthMax): Fault | undefined {
  if (value.length > lengthMax) {
    return {
      message: `may have ${lengthMax} characters at most, and has ${value.length}`,
      fix: "choose a shorter name",
    };
  }
  if (isName(value)) return undefined;
  const guess = value
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");
  return {
    message: `${shown(value)} is no name: letters, digits, ".", "_" and "-", first and last a letter or digit`,
    fix: isName(guess) ? `write ${shown(guess)}` : 'write for example "shop"',
  };
}

/** An address to listen on: IPv4, IPv6 or a host name; no port, no scheme. */
export function hostFault(value: string): Fault | undefined {
  if (isIP(value) > 0 || isHostName(value)) return undefined;
  const fix = /^[^:]+:[0-9]+$/.test(value)
    ? `write host: ${shown(value.slice(0, value.indexOf(":")))} and the port as port: ${value.slice(value.indexOf(":") + 1)}`
    : 'write for example "127.0.0.1" (this machine only) or "0.0.0.0" (every address)';
  return { message: `${shown(value)} is neither an address nor a host name`, fix };
}

function isHostName(value: string): boolean {
  // All digits and dots is a mistyped address, never a name.
  if (value.length > 253 || /^[0-9.]+$/.test(value)) return false;
  return value
    .split(".")
    .every((label) => /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label));
}

/** An address or a network in CIDR form. */
export function networkFault(value: string): Fault | undefined {
  const slash = value.indexOf("/");
  const family = isIP(slash < 0 ? value : value.slice(0, slash));
  const bits = slash < 0 ? "0" : value.slice(slash + 1);
  if (family > 0 && /^[0-9]{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
    return undefined;
  return {
    message: `${shown(value)} is neither an address nor a network`,
    fix: 'write for example "10.0.0.7" or "10.0.0.0/8"',
  };
}

const pathCharacters = /^[\x21-\x7e]*$/;

/** The path of a health probe: what stands in a request line, with or without a query. */
export function probePathFault(value: string): Fault | undefined {
  const url = /^https?:\/\/[^/]*(\/.*)?$/.exec(value);
  if (url !== null) {
    return {
      message: "must be a path, not a URL",
      fix: `write ${shown(url[1] ?? "/")}; the instance's own address is used`,
    };
  }
  return targetFault(value, '"/healthz"');
}

/** A route prefix: segments of a path, compared byte by byte, so without query, wildcard or dots. */
export function prefixFault(value: string): Fault | undefined {
  const fault = targetFault(value, '"/" or "/api"');
  if (fault !== undefined) {
    const hostFirst = /^([A-Za-z0-9*.-]+\.[A-Za-z0-9.-]+)(\/.*)?$/.exec(value);
    if (hostFirst === null) return fault;
    return {
      ...fault,
      fix: `write { host: ${shown(hostFirst[1])}, prefix: ${shown(hostFirst[2] ?? "/")} }`,
    };
  }
  const bad = /[?*]/.exec(value)?.[0];
  if (bad !== undefined) {
    return {
      message: `${shown(value)} contains "${bad}", but a prefix is compared letter by letter`,
      fix: `write ${shown(value.slice(0, value.indexOf(bad)).replace(/\/+$/, "") || "/")}; it matches everything below`,
    };
  }
  const segments = value.slice(1).replace(/\/$/, "").split("/");
  if (value !== "/" && segments.some((part) => part === "" || part === "." || part === "..")) {
    return {
      message: `${shown(value)} has an empty segment or dots, which no request path keeps`,
      fix: 'write the path as clients send it, for example "/api/v1"',
    };
  }
  return undefined;
}

function targetFault(value: string, example: string): Fault | undefined {
  if (!value.startsWith("/")) {
    const fixed = /^[A-Za-z0-9._~-]+(?:\/[A-Za-z0-9._~-]*)*$/.test(value)
      ? shown(`/${value}`)
      : example;
    return {
      message: `must be a path that starts with "/", not ${shown(value)}`,
      fix: `write ${fixed}`,
    };
  }
  if (value.length > limits.pathLengthMax) {
    return {
      message: `may have ${limits.pathLengthMax} characters at most, and has ${value.length}`,
      fix: "shorten it",
    };
  }
  if (!pathCharacters.test(value) || value.includes("#")) {
    return {
      message: `${shown(value)} contains a space, "#" or a character that a request line cannot carry`,
      fix: "percent-encode it (a space is %20)",
    };
  }
  return undefined;
}

/** The host of a route: a name, an address, or `*.` before a name. */
export function routeHostFault(value: string): Fault | undefined {
  const name = value.startsWith("*.") ? value.slice(2) : value;
  if (isHostName(name) || (isIP(value) > 0 && name === value)) return undefined;
  const bare = /^(?:https?:\/\/)?((?:\*\.)?[A-Za-z0-9.-]+)(?::[0-9]+)?(?:\/.*)?$/.exec(value)?.[1];
  return {
    message: `${shown(value)} is no host: a name such as "api.example.org" or "*.example.org", without scheme, port or path`,
    fix:
      bare !== undefined && bare !== value
        ? `write ${shown(bare)}`
        : "leave host out to match any host",
  };
}

const keyNames = ["request", "path", "client"];
const keyPrefixes = ["header", "query", "cookie"];
const tokenCharacters = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

export function keyFault(value: string): Fault | undefined {
  if (keyNames.includes(value)) return undefined;
  const colon = value.indexOf(":");
  const source = colon < 0 ? value : value.slice(0, colon);
  const name = colon < 0 ? "" : value.slice(colon + 1);
  const known = '"request", "path", "client", "header:NAME", "query:NAME" or "cookie:NAME"';
  if (!keyPrefixes.includes(source)) {
    const near = nearestName(source, [...keyNames, ...keyPrefixes]);
    const example =
      near !== undefined && keyPrefixes.includes(near) ? `${near}:${name || "NAME"}` : near;
    return {
      message: `must be ${known}, not ${shown(value)}`,
      fix: example === undefined ? 'write for example "header:X-User"' : `write "${example}"`,
    };
  }
  if (name === "") {
    return {
      message: `${shown(value)} does not say which ${source}`,
      fix: `write for example "${source}:user"`,
    };
  }
  const good =
    source === "query"
      ? pathCharacters.test(name) && !/[&=#]/.test(name)
      : tokenCharacters.test(name);
  if (good && name.length <= 256) return undefined;
  return {
    message: `${shown(name)} cannot be the name of a ${source}`,
    fix: `write for example "${source}:user"`,
  };
}

export function programFault(value: unknown): Fault | undefined {
  if (value === undefined)
    return { message: "is missing", fix: 'say what to start, for example run: "./server.ts"' };
  if (typeof value === "string") {
    if (value.includes("\0")) return noNul;
    if (value.length > limits.textLengthMax) return tooLong(value);
    const split = splitCommand(value);
    return split.ok ? undefined : { message: `${shown(value)} ${split.message}`, fix: split.fix };
  }
  const example = 'write run: "./server.ts" or run: ["python3", "app.py"]';
  if (!Array.isArray(value)) {
    return { message: `must be a command or a list of words, not ${shown(value)}`, fix: example };
  }
  if (value.length > limits.argumentsMax) {
    return {
      message: `may have ${limits.argumentsMax} words at most, and has ${value.length}`,
      fix: "put the arguments into a file",
    };
  }
  const wrong: unknown = value.find((word: unknown) => typeof word !== "string");
  if (wrong !== undefined) {
    return {
      message: `must be a list of texts, but one word is ${shown(wrong)}`,
      fix: "put every word in quotes",
    };
  }
  const words = value.filter((word: unknown) => typeof word === "string");
  if (words.some((word) => word.includes("\0"))) return noNul;
  const long = words.find((word) => word.length > limits.textLengthMax);
  if (long !== undefined) return tooLong(long);
  return words[0] === undefined || words[0].trim() === ""
    ? { message: "names no program", fix: example }
    : undefined;
}

const noNul: Fault = {
  message: "contains a NUL character, which no program can be given",
  fix: "remove it",
};

function tooLong(value: string): Fault {
  return {
    message: `may have ${limits.textLengthMax} characters at most, and has ${value.length}`,
    fix: "put it into a file",
  };
}

const given = /^(?:PORT|SERVER_ID|PRUNELLA_.*)$/;

/** Faults of one variable. Values are never shown: they may be secrets. */
export function variableFault(name: string, value: unknown): Fault | undefined {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return {
      at: "key",
      message: "is no name of a variable: letters, digits and _, not first a digit",
      fix: "rename it",
    };
  }
  if (given.test(name)) {
    return {
      at: "key",
      message: "is set by Prunella, for each instance its own",
      fix:
        name === "PORT"
          ? "remove it and let the program listen on PORT"
          : "remove it, or use another name",
    };
  }
  if (value === undefined) {
    return {
      message: "is undefined",
      fix: 'set what it comes from, give a default (?? "text"), or leave it out',
    };
  }
  if (typeof value !== "string") {
    const plain = typeof value === "number" || typeof value === "boolean";
    return {
      message: `must be a text, not ${Array.isArray(value) || typeof value === "object" ? shown(value) : `a ${typeof value}`}`,
      fix: plain ? `put it in quotes: "${String(value)}"` : "write a text in quotes",
    };
  }
  if (value.includes("\0")) return noNul;
  return value.length > limits.textLengthMax ? tooLong(value) : undefined;
}
