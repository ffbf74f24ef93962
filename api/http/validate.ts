/**
 * `zv()`: zod at the boundary of a route, in the OpenAPI document and in the types of the client.
 */
import { zValidator } from "@hono/zod-validator";
import type { Context, Input, MiddlewareHandler, ValidationTargets } from "hono";
import { resolver, uniqueSymbol } from "hono-openapi";
import type * as z from "zod";
import { AppError, type FieldError } from "#shared/errors.ts";

/** Unless a route says otherwise, larger bodies of JSON are refused with 413 before they are parsed. */
export const MAX_JSON_BYTES = 64 * 1024;

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;
const FORM_TYPE = /^(?:application\/x-www-form-urlencoded|multipart\/form-data)\s*(?:;|$)/i;
const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

type Target = "json" | "form" | "query" | "param";
type Validated<At extends Target, Schema extends z.ZodType> = Input & {
  in: { [Key in At]: z.input<Schema> };
  out: { [Key in At]: z.output<Schema> };
};

/**
 * Middleware that parses `target` of the request with `schema`: `c.req.valid(target)` is its output.
 * @throws AppError VALIDATION_FAILED with one pointer per problem (NOT_FOUND for a path parameter),
 * INVALID_JSON, UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE
 */
export function zv<At extends Target, Schema extends z.ZodType>(
  target: At,
  schema: Schema,
  maxBytes: number = MAX_JSON_BYTES,
) {
  const validate: MiddlewareHandler = zValidator(
    target as keyof ValidationTargets,
    schema,
    (result: { success: boolean; error?: z.core.$ZodError }): undefined => {
      if (result.success || result.error === undefined) return;
      // An id that cannot exist reads as one that does not.
      if (target === "param") throw new AppError("NOT_FOUND", "there is nothing under this path");
      throw validationError(result.error);
    },
  );
  const handler: MiddlewareHandler<{}, string, Validated<At, Schema>> = async (c, next) => {
    if (target === "json") await readJsonText(c, maxBytes);
    else if (target === "form") requireType(c, FORM_TYPE, "a form");
    await validate(c, next);
  };
  return Object.assign(handler, { [uniqueSymbol]: { target, ...resolver(schema) } });
}

/**
 * The same for a JSON body that may be absent: `c.req.valid("json")` is then undefined.
 * @throws AppError as `zv`
 */
export function zvOptionalJson<Schema extends z.ZodType>(schema: Schema) {
  const handler: MiddlewareHandler<
    {},
    string,
    { in: { json?: z.input<Schema> }; out: { json: z.output<Schema> | undefined } }
  > = async (c, next) => {
    const text = hasBody(c) ? await readJsonText(c, MAX_JSON_BYTES) : "";
    if (text !== "") {
      const parsed = await schema.safeParseAsync(parseJson(text));
      if (!parsed.success) throw validationError(parsed.error);
      c.req.addValidatedData("json", parsed.data as object);
    }
    await next();
  };
  const content = { "application/json": { schema: resolver(schema) } };
  const spec = { requestBody: { required: false, content } };
  return Object.assign(handler, { [uniqueSymbol]: { spec } });
}

/** A VALIDATION_FAILED refusal with a JSON pointer for each issue. */
export function validationError(error: z.core.$ZodError): AppError {
  const errors = error.issues.flatMap(toFieldErrors).slice(0, 50);
  const first = errors[0];
  const detail = first === undefined
    ? "the request failed validation"
    : `${first.pointer === "" ? "the request" : first.pointer}: ${first.detail}`;
  return new AppError("VALIDATION_FAILED", detail, { errors });
}

function toFieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  const pointer = toPointer(issue.path);
  if (issue.code !== "unrecognized_keys") return [{ pointer, detail: issue.message }];
  return issue.keys.map((key) => ({
    pointer: pointer + toPointer([key]),
    detail: "is not a field of this request",
  }));
}

// RFC 6901 section 3: `~` and `/` are escaped inside a reference token.
function toPointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`)
    .join("").slice(0, 200);
}

function requireType(c: Context, type: RegExp, expected: string): void {
  const given = c.req.header("content-type");
  if (given !== undefined && type.test(given)) return;
  throw new AppError(
    "UNSUPPORTED_MEDIA_TYPE",
    given === undefined
      ? `the content type is missing, expected ${expected}`
      : `expected ${expected}, not ${given.slice(0, 100)}`,
  );
}

function hasBody(c: Context): boolean {
  return c.req.header("content-type") !== undefined || c.req.raw.body !== null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError("INVALID_JSON", "the body is not valid JSON", { cause: error });
  }
}

async function readJsonText(c: Context, maxBytes: number): Promise<string> {
  requireType(c, JSON_TYPE, "application/json");
  const bytes = await readLimited(c, maxBytes);
  try {
    const text = strictUtf8.decode(bytes);
    // Hono's validator parses what lies here; its own decoding would replace bad UTF-8 in silence.
    Object.assign(c.req.bodyCache, { text: Promise.resolve(text) });
    return text;
  } catch (error) {
    throw new AppError("INVALID_JSON", "the body is not UTF-8", { cause: error });
  }
}

/** The body's bytes; a declared length is trusted (the server enforces it), else they are counted. */
async function readLimited(c: Context, maxBytes: number): Promise<ArrayBuffer | Uint8Array> {
  const declared = c.req.header("content-length");
  if (declared !== undefined) {
    if (Number(declared) > maxBytes) throw tooLarge(maxBytes);
    return c.req.arrayBuffer();
  }
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of c.req.raw.body ?? []) {
    bytes += part.byteLength;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    parts.push(part);
  }
  return joinBytes(parts, bytes);
}

function joinBytes(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const joined = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.byteLength;
  }
  return joined;
}

function tooLarge(maxBytes: number): AppError {
  return new AppError("PAYLOAD_TOO_LARGE", `expected at most ${maxBytes} bytes of JSON`);
}
