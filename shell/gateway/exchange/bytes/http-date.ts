/** The value of `Date` as bytes, made anew when the second has changed. */
export class HttpDate {
  /** 29 bytes, for example `Sun, 06 Nov 1994 08:49:37 GMT`. Never changed in place. */
  bytes: Buffer = Buffer.from(new Date(0).toUTCString(), "latin1");
  #second = 0;

  /** @param wallMs - Milliseconds since 1970. */
  refresh(wallMs: number): void {
    const second = Math.floor(wallMs / 1_000);
    if (second === this.#second) return;
    this.#second = second;
    this.bytes = Buffer.from(new Date(second * 1_000).toUTCString(), "latin1");
  }
}
