/**
 * Which content coding of a resource a reader gets.
 * @see RFC 9110 section 12.5.3
 */

export type ContentCoding = "br" | "gzip" | "identity";

/** What is sent when a reader likes several alike: the smallest. */
const BY_SIZE: readonly ContentCoding[] = ["br", "gzip", "identity"];

const WEIGHT = /^\s*q\s*=\s*(?:(0(?:\.\d{0,3})?)|1(?:\.0{0,3})?)\s*$/i;
const ALIASES: Readonly<Record<string, string>> = { "x-gzip": "gzip" };

/**
 * The best of `available` for the `Accept-Encoding` of a request. `identity` counts as available and,
 * unless the reader names it, comes last. Null when the reader takes none of them, `identity` neither.
 */
export function chooseCoding(
  acceptEncoding: string | null | undefined,
  available: readonly ContentCoding[],
): ContentCoding | null {
  // No header: any coding would do, but whoever does not say so often cannot read one.
  if (acceptEncoding === null || acceptEncoding === undefined) return "identity";
  const weights = readWeights(acceptEncoding);
  const offered = BY_SIZE.filter((coding) => coding === "identity" || available.includes(coding));
  const liked = offered.filter((coding) => weightOf(coding, weights) > 0);
  return liked.toSorted((a, b) => weightOf(b, weights) - weightOf(a, weights))[0] ?? null;
}

/** Weights by lower-case name, 0 to 1; what has a malformed one is left out. */
function readWeights(acceptEncoding: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const element of acceptEncoding.split(",")) {
    const [name = "", ...parameters] = element.split(";");
    const coding = name.trim().toLowerCase();
    const weight = readWeight(parameters);
    if (coding !== "" && weight !== null) weights.set(ALIASES[coding] ?? coding, weight);
  }
  return weights;
}

function readWeight(parameters: readonly string[]): number | null {
  if (parameters.length === 0) return 1;
  const match = WEIGHT.exec(parameters[0] ?? "");
  return match === null || parameters.length > 1 ? null : Number(match[1] ?? 1);
}

function weightOf(coding: ContentCoding, weights: ReadonlyMap<string, number>): number {
  const named = weights.get(coding) ?? weights.get("*");
  if (coding !== "identity") return named ?? 0;
  // Acceptable as long as nothing forbids it, and the last choice where nothing asks for it.
  return weights.get("identity") ?? (named === 0 ? 0 : Number.MIN_VALUE);
}
