/**
 * Request ids: eight hexadecimal digits of the process and a counter in base 36, kept as bytes and
 * counted up in place like an odometer, so that an id costs neither a string nor an allocation.
 */
const processDigits = 8;
const counterDigits = 8;
const zero = 0x30;
const nine = 0x39;
const letterA = 0x61;
const letterZ = 0x7a;

export class RequestIds {
  /** The current id; valid until `next`. */
  readonly bytes: Buffer;

  /** @param processBits - 32 random bits that tell the gateways of a cluster apart. */
  constructor(processBits: number) {
    const name = (processBits >>> 0).toString(16).padStart(processDigits, "0");
    this.bytes = Buffer.from(name + "0".repeat(counterDigits), "latin1");
  }

  next(): void {
    const { bytes } = this;
    for (let index = bytes.length - 1; index >= processDigits; index--) {
      const digit = bytes[index] ?? zero;
      if (digit !== letterZ) {
        bytes[index] = digit === nine ? letterA : digit + 1;
        return;
      }
      bytes[index] = zero;
    }
  }
}
