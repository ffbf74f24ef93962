/**
 * Conditional and range requests over an object whose size is known.
 * @see RFC 9110 sections 13 and 14
 */
import type { ByteRange } from "../storage/port.ts";

/** Whether `If-None-Match` names `etag`: the reader has it already. */
export function isNotModified(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === "*") return true;
  return ifNoneMatch.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}

export type RangeAnswer =
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly range: ByteRange }
  | { readonly kind: "unsatisfiable" };

const SINGLE_RANGE = /^bytes=(\d{0,15})-(\d{0,15})$/;

export type RangeHeaders = {
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
};

/**
 * What of `bytes` bytes to send. Several ranges, other units and malformed ones are ignored, as the
 * RFC allows, and so is a range whose `If-Range` names something else.
 */
export function rangeOf(headers: RangeHeaders, bytes: number, etag: string): RangeAnswer {
  const [, first = "", last = ""] = SINGLE_RANGE.exec(headers.range?.trim() ?? "") ?? [];
  if (first === "" && last === "") return { kind: "whole" };
  if (headers.ifRange !== undefined && headers.ifRange !== etag) return { kind: "whole" };
  if (first === "") {
    const suffixBytes = Math.min(Number(last), bytes);
    if (suffixBytes === 0) return { kind: "unsatisfiable" };
    return { kind: "part", range: { start: bytes - suffixBytes, end: bytes - 1 } };
  }
  const start = Number(first);
  const end = last === "" ? bytes - 1 : Math.min(Number(last), bytes - 1);
  if (last !== "" && Number(last) < start) return { kind: "whole" };
  if (start >= bytes) return { kind: "unsatisfiable" };
  return { kind: "part", range: { start, end } };
}
