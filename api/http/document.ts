/**
 * The OpenAPI document, made from the app itself: its routes, their schemas, their refusals.
 * @see OpenAPI Specification 3.1.0
 */
import type { Hono } from "hono";
import { generateSpecs } from "hono-openapi";
import { type RefusalCode, REFUSALS } from "#shared/errors.ts";
import type { ApiEnv, PublicUrls } from "../deps.ts";
import { cookieNames } from "../auth/cookies.ts";

export type OpenApiDocument = Awaited<ReturnType<typeof generateSpecs>>;

const READS = new Set(["get", "head"]);

/** The document of every route of `app` that describes itself. */
export async function createDocument(
  app: Hono<ApiEnv>,
  urls: PublicUrls,
): Promise<OpenApiDocument> {
  const document = await generateSpecs(app, {
    // Ours name the status and shape of each refusal themselves.
    defaultValidationErrorResponse: false,
    excludeStaticFile: false,
    documentation: {
      info: {
        title: "Sluice",
        version: "1",
        description: "Live streaming in a box: accounts, channels, stream keys, videos.",
      },
      servers: [{ url: urls.api }],
      tags: TAGS.map(([name, description]) => ({ name, description })),
      components: { securitySchemes: securitySchemes(urls) },
    },
  });
  addWriteRefusals(document);
  return document;
}

const TAGS = [
  ["auth", "Sign-up, login, tokens"],
  ["user", "The signed-in user"],
  ["channel", "The signed-in user's channel and stream key"],
  ["videos", "The videos of the signed-in user's channel"],
  ["public", "What anyone may read"],
  ["control", "What media nodes and resizers report"],
  ["operations", "Health, and this document"],
] as const;

function securitySchemes(urls: PublicUrls) {
  return {
    bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
    cookie: { type: "apiKey", in: "cookie", name: cookieNames(urls).access },
    service: { type: "http", scheme: "bearer" },
  } as const;
}

/** Every write may be refused for riding on our cookies, and every JSON body for its size. */
function addWriteRefusals(document: OpenApiDocument): void {
  for (const operations of Object.values(document.paths)) {
    for (const [method, operation] of Object.entries(operations ?? {})) {
      if (READS.has(method) || !isOperation(operation)) continue;
      addRefusal(operation, "CROSS_ORIGIN_WRITE");
      if (operation.requestBody?.content["application/json"] === undefined) continue;
      addRefusal(operation, "PAYLOAD_TOO_LARGE");
    }
  }
}

function addRefusal({ responses }: Operation, code: RefusalCode): void {
  const { status, title } = REFUSALS[code];
  const before = responses[status];
  const said = before?.description ?? "";
  if (said.includes(code)) return;
  const description = `${said === "" ? "" : `${said}; `}\`${code}\`: ${title}`;
  responses[status] = { description, content: { ...before?.content, ...PROBLEM_CONTENT } };
}

const PROBLEM_CONTENT = {
  "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } },
};

type Operation = {
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
  readonly responses: Record<string, { description?: string; content?: Record<string, unknown> }>;
};

function isOperation(value: unknown): value is Operation {
  return typeof value === "object" && value !== null && "responses" in value;
}
