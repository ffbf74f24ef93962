/**
 * Whether there are captions among some bytes of media. Pure.
 */

/** What stands before them: country USA, provider ATSC, "GA94", cc_data. @see ANSI/SCTE 128-1 8.1 */
const MARK = [0xb5, 0x00, 0x31, 0x47, 0x41, 0x39, 0x34, 0x03] as const;

/** Nothing else in a stream has these eight bytes, but by chance. */
export function hasCaptions(bytes: Uint8Array): boolean {
  let at = bytes.indexOf(MARK[0]);
  while (at !== -1) {
    const start = at;
    if (MARK.every((byte, index) => bytes[start + index] === byte)) return true;
    at = bytes.indexOf(MARK[0], at + 1);
  }
  return false;
}
