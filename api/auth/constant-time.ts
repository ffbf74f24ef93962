/**
 * Comparison of secrets.
 */
const utf8 = new TextEncoder();

/** Whether `given` is `expected`, in a time that depends on the length of `given` alone. */
export function isSameSecret(given: string, expected: string): boolean {
  const left = utf8.encode(given);
  const right = utf8.encode(expected);
  let difference = left.length ^ right.length;
  for (const [index, byte] of left.entries()) {
    difference |= byte ^ (right[index % right.length] ?? 0);
  }
  return difference === 0;
}
