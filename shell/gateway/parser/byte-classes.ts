/**
 * What each of the 256 bytes may be, as one table of bits: the inner loops of all machines here are
 * `while (byteClass[byte] & wanted)`. One lookup decides, and what is not listed is refused.
 *
 * Source: RFC 9110, section 5.6.2 (token) and 5.5 (field value), RFC 9112, section 3.2 (target),
 * RFC 3986, sections 2.3 and 3.2.2 (unreserved, host).
 */

/** May stand in a method, a field name, a chunk extension name. */
export const tokenByte = 1;
/** May stand in a field value: HTAB, SP, visible ASCII and 0x80-0xFF. */
export const valueByte = 2;
/** May stand in a target before the `?`: 0x21-0x7E without `#` and `?`. */
export const pathByte = 4;
/** May stand in a target: the above and `?`. */
export const targetByte = 8;
/** `.` and `%`: may begin a dot segment when they follow a `/`. */
export const dotByte = 16;
/** May stand in a host name: letters, digits and `-._~`. `%` is judged apart. */
export const hostByte = 32;
/** Everything but CR, LF and NUL: does not end a line. */
export const lineByte = 64;
/** May stand between quotes unescaped: a value byte other than `"` and `\`. */
export const quotedByte = 128;
/** A token byte other than `_`. */
export const plainByte = 256;

export const htab = 0x09;
export const lf = 0x0a;
export const cr = 0x0d;
export const space = 0x20;
export const quote = 0x22;
export const percent = 0x25;
export const comma = 0x2c;
export const dash = 0x2d;
export const dot = 0x2e;
export const slash = 0x2f;
export const colon = 0x3a;
export const semicolon = 0x3b;
export const equals = 0x3d;
export const question = 0x3f;
export const backslash = 0x5c;
export const underscore = 0x5f;

export const byteClass: Uint16Array = Uint16Array.from({ length: 256 }, (_, byte) => classOf(byte));

/** The lower case of each byte; only ASCII letters change. */
export const lowerByte: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte,
);

/** The value of each hexadecimal digit; 255 for all other bytes. */
export const hexValue: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  const value = "0123456789abcdef".indexOf(String.fromCharCode(byte).toLowerCase());
  return value < 0 ? 255 : value;
});

/** The bytes of an ASCII text. */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function classOf(byte: number): number {
  const character = String.fromCharCode(byte);
  const visible = byte > 0x20 && byte < 0x7f;
  const value = byte === htab || (byte >= 0x20 && byte !== 0x7f);
  let bits = 0;
  if (/[A-Za-z0-9!#$%&'*+.^_`|~-]/.test(character)) bits |= tokenByte;
  if (bits & tokenByte && character !== "_") bits |= plainByte;
  if (value) bits |= valueByte;
  if (visible && character !== "#" && character !== "?") bits |= pathByte;
  if (visible && character !== "#") bits |= targetByte;
  if (character === "." || character === "%") bits |= dotByte;
  if (/[A-Za-z0-9._~-]/.test(character)) bits |= hostByte;
  if (byte !== cr && byte !== lf && byte !== 0) bits |= lineByte;
  if (value && character !== '"' && character !== "\\") bits |= quotedByte;
  return bits;
}
