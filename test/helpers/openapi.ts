/**
 * What the OpenAPI document says about a request, and whether an answer keeps to it.
 */
import * as z from "zod";
import type { OpenApiDocument } from "#api/http/document.ts";

type JsonSchema = Parameters<typeof z.fromJSONSchema>[0];
type Content = Readonly<Record<string, { readonly schema?: unknown }>>;
export type Operation = {
  readonly method: string;
  /** `/videos/{url}` */
  readonly path: string;
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
  readonly security?: readonly Readonly<Record<string, unknown>>[];
};

/** Every operation of `document`. */
export function listOperations(document: OpenApiDocument): readonly Operation[] {
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations ?? {}).map(([method, operation]) => ({
      ...(operation as Omit<Operation, "method" | "path">),
      method: method.toUpperCase(),
      path,
    }))
  );
}

/** A function that throws when an answer is not what the document says about its route. */
export function createAnswerChecker(document: OpenApiDocument) {
  const routes = listOperations(document).map((operation) => ({
    operation,
    ...toPattern(operation),
  }));
  // The most literal path first: `/user/profile` before `/user/{name}`.
  routes.sort((left, right) => left.holes - right.holes);
  const schemas = new Map<unknown, z.ZodType>();
  const schemaFor = (schema: unknown): z.ZodType => {
    const known = schemas.get(schema) ?? toZod(document, schema);
    schemas.set(schema, known);
    return known;
  };
  return async (method: string, url: string, response: Response): Promise<void> => {
    const { pathname } = new URL(url, "http://localhost");
    const path = pathname.length > 1 ? pathname.replace(/\/$/, "") : pathname;
    const wanted = method === "HEAD" ? "GET" : method;
    const route = routes.find(({ operation, pattern }) =>
      operation.method === wanted && pattern.test(path)
    );
    if (route === undefined) return;
    const where = `${method} ${path} ${response.status}`;
    const answer = route.operation.responses[response.status];
    if (answer === undefined) throw new Error(`${where}: the document knows no such status`);
    if (answer.content === undefined || method === "HEAD" || response.body === null) return;
    const type = response.headers.get("content-type")?.split(";")[0] ?? "none";
    const media = answer.content[type];
    if (media === undefined) throw new Error(`${where}: the document knows no ${type}`);
    if (media.schema === undefined) return;
    const parsed = schemaFor(media.schema).safeParse(await response.clone().json());
    if (!parsed.success) throw new Error(`${where}: ${z.prettifyError(parsed.error)}`);
  };
}

function toPattern({ path }: Operation): { pattern: RegExp; holes: number } {
  const literal = path.split(/\{\w+\}/).map((part) => part.replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&"));
  return { pattern: new RegExp(`^${literal.join("[^/]+")}$`), holes: literal.length };
}

function toZod(document: OpenApiDocument, schema: unknown): z.ZodType {
  const rename = (text: string) => text.replaceAll("#/components/schemas/", "#/$defs/");
  const $defs = document.components?.schemas ?? {};
  return z.fromJSONSchema(
    JSON.parse(rename(JSON.stringify({ ...(schema as object), $defs }))) as JsonSchema,
  );
}
