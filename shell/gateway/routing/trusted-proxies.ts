/**
 * The proxies whose forwarding fields are believed: single addresses and whole networks
 * (`10.0.0.0/8`), IPv4 and IPv6. An IPv4 address that comes in IPv6 clothes (`::ffff:10.0.0.1`, as a
 * socket that listens on both families reports it) is the IPv4 address, on both sides.
 */
import { BlockList, isIP } from "node:net";
import { ClusterError } from "@prunella/core/kernel";

/** What the data path asks; a plain set of addresses will do where no networks are needed. */
export interface AddressSet {
  has(address: string): boolean;
}

export class TrustedProxies implements AddressSet {
  readonly #list = new BlockList();
  readonly #isEmpty: boolean;

  /** @throws ClusterError `CONFIG_INVALID` that names the entry which is no address or network. */
  constructor(entries: readonly string[]) {
    this.#isEmpty = entries.length === 0;
    for (const entry of entries) this.#add(entry);
  }

  has(address: string): boolean {
    if (this.#isEmpty) return false;
    const plain = plainAddress(address);
    const family = isIP(plain); // What a client wrote need not be an address.
    return family !== 0 && this.#list.check(plain, family === 4 ? "ipv4" : "ipv6");
  }

  #add(entry: string): void {
    const slash = entry.indexOf("/");
    const written = slash < 0 ? entry : entry.slice(0, slash);
    const address = plainAddress(written);
    const family = isIP(address);
    const bitsMax = family === 4 ? 32 : 128;
    // A network of IPv4 addresses in IPv6 clothes counts 96 bits that are the clothes.
    const clothesBits = isIP(written) - family === 2 ? 96 : 0;
    const bitsText = slash < 0 ? `${bitsMax + clothesBits}` : entry.slice(slash + 1);
    const bits = Number(bitsText) - clothesBits;
    if (family === 0 || !/^\d{1,3}$/.test(bitsText) || bits < 0 || bits > bitsMax) {
      throw new ClusterError("CONFIG_INVALID", {
        message: `trustedProxies: "${entry}" is neither an address nor a network. Write for example "10.0.0.7" or "10.0.0.0/8".`,
        details: { entry },
      });
    }
    this.#list.addSubnet(address, bits, family === 4 ? "ipv4" : "ipv6");
  }
}

/** An IPv4 address in IPv6 clothes is the IPv4 address. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
