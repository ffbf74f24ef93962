/** `value` with so many digits after the point. */
export function roundTo(digits: number, value: number): number {
  return Number(value.toFixed(digits));
}
