/** Where a member serves its users, as it stands in an envelope: `host:port`, IPv6 in brackets. */
export type WebAddress = { readonly host: string; readonly port: number };

export function printAddress({ host, port }: WebAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

export function readAddress(text: string | undefined): WebAddress | undefined {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text ?? "");
  const host = found?.[1] ?? found?.[2];
  return host === undefined ? undefined : { host, port: Number(found?.[3]) };
}
