/**
 * The header by which a member learns who the client is (PROXY protocol, version 2, section 2.2 of
 * haproxy's proxy-protocol.txt): a signature, and both ends of the client's connection. It goes before
 * the first byte of the client, on every connection to the member.
 */
import { isIPv4, isIPv6 } from "node:net";
import { plainAddress } from "../routing/trusted-proxies.ts";

export type ConnectionEnds = {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
};

const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
/** Version 2, and the command: PROXY names a client, LOCAL says that nobody is known. */
const proxyCommand = 0x21;
const localCommand = 0x20;
/** TCP over IPv4, and over IPv6. */
const tcp4 = 0x11;
const tcp6 = 0x21;

export function proxyHeader(ends: ConnectionEnds): Buffer {
  const source = plainAddress(ends.remoteAddress ?? "");
  const target = plainAddress(ends.localAddress ?? "");
  const { remotePort = 0, localPort = 0 } = ends;
  if (isIPv4(source) && isIPv4(target)) {
    const addresses = [...bytesOf4(source), ...bytesOf4(target)];
    return header(proxyCommand, tcp4, [...addresses, ...word(remotePort), ...word(localPort)]);
  }
  if (isIPv6(source) && isIPv6(target)) {
    const addresses = [...bytesOf6(source), ...bytesOf6(target)];
    return header(proxyCommand, tcp6, [...addresses, ...word(remotePort), ...word(localPort)]);
  }
  return header(localCommand, 0, []); // The client has gone already.
}

function header(command: number, family: number, rest: readonly number[]): Buffer {
  return Buffer.from([...signature, command, family, ...word(rest.length), ...rest]);
}

function word(value: number): readonly number[] {
  return [value >> 8, value & 0xff];
}

function bytesOf4(address: string): readonly number[] {
  return address.split(".").map(Number);
}

/** The system writes addresses in short; `::` stands for as many groups of zeros as are missing. */
function bytesOf6(address: string): readonly number[] {
  const [text = ""] = address.split("%"); // Without the interface.
  const [front = "", back] = text.split("::");
  const groupsOf = (part: string) => part.split(":").filter((group) => group !== "");
  const [first, last] = [groupsOf(front), groupsOf(back ?? "")];
  const zeros = Array<string>(Math.max(0, 8 - first.length - last.length)).fill("0");
  return [...first, ...zeros, ...last].flatMap((group) => word(Number.parseInt(group, 16)));
}
