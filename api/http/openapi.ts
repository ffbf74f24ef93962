/**
 * Descriptions of routes for the OpenAPI document, from the schemas the routes use anyway.
 */
import { describeRoute, resolver } from "hono-openapi";
import type * as z from "zod";
import { type RefusalCode, REFUSALS } from "#shared/errors.ts";
import { problemSchema } from "./problem.ts";

/** Who may call: nobody in particular, a signed-in user, one of our own services. */
export type Access = "public" | "user" | "service";

export type RouteDescription = {
  readonly summary: string;
  readonly tag: "auth" | "user" | "channel" | "videos" | "public" | "control" | "operations";
  readonly access: Access;
  /** Success: the schema of the JSON body by status; null where there is no body. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
  /** Success bodies that are not JSON, by status. */
  readonly files?: Readonly<Record<number, readonly string[]>>;
  /** A JSON body, and with it the refusals of a bad one. */
  readonly takes?: "json";
  /** Refusals beyond those every route has. */
  readonly refuses?: readonly RefusalCode[];
  readonly isPaged?: boolean;
};

const ALWAYS: readonly RefusalCode[] = ["INTERNAL", "UNAVAILABLE"];
type Responses = NonNullable<Parameters<typeof describeRoute>[0]["responses"]>;

const BAD_BODY: readonly RefusalCode[] = [
  "INVALID_JSON",
  "VALIDATION_FAILED",
  "PAYLOAD_TOO_LARGE",
  "UNSUPPORTED_MEDIA_TYPE",
];
const BY_ACCESS: Readonly<Record<Access, readonly RefusalCode[]>> = {
  public: [],
  user: ["UNAUTHENTICATED", "INVALID_TOKEN"],
  service: ["UNAUTHENTICATED", "INVALID_TOKEN"],
};
const SECURITY: Readonly<Record<Access, Record<string, string[]>[]>> = {
  public: [],
  user: [{ bearer: [] }, { cookie: [] }],
  service: [{ service: [] }],
};

/** Middleware that only carries the route's entry in the OpenAPI document. */
export function describe(route: RouteDescription) {
  return describeRoute({
    summary: route.summary,
    tags: [route.tag],
    security: SECURITY[route.access],
    responses: joinResponses(describeRefusals(route), describeAnswers(route)),
  });
}

function describeAnswers(route: RouteDescription): Responses {
  const responses: Responses = {};
  for (const [status, schema] of Object.entries(route.answers)) {
    responses[status] = {
      description: "Success",
      ...(route.isPaged === true ? { headers: { Link: LINK_HEADER } } : {}),
      ...(schema === null ? {} : { content: { "application/json": { schema: resolver(schema) } } }),
    };
  }
  for (const [status, types] of Object.entries(route.files ?? {})) {
    const content = Object.fromEntries(types.map((type) => [type, {}]));
    responses[status] = { description: "Success", content };
  }
  return responses;
}

const LINK_HEADER = {
  description: 'The next page: `<url>; rel="next"`; absent on the last one',
  schema: { type: "string" },
} as const;

/** Where a status is both answer and refusal, either body may come. */
function joinResponses(refusals: Responses, answers: Responses): Responses {
  const joined: Responses = { ...refusals, ...answers };
  for (const [status, answer] of Object.entries(answers)) {
    const refusal = refusals[status];
    if (refusal === undefined || "$ref" in refusal || "$ref" in answer) continue;
    const description = [answer.description, refusal.description].join("; ");
    joined[status] = { ...answer, description, content: { ...answer.content, ...refusal.content } };
  }
  return joined;
}

function describeRefusals(route: RouteDescription): Responses {
  const codes: RefusalCode[] = [...BY_ACCESS[route.access], ...route.refuses ?? [], ...ALWAYS];
  if (route.takes === "json") codes.push(...BAD_BODY);
  if (route.isPaged === true) codes.push("VALIDATION_FAILED", "INVALID_CURSOR");
  const responses: Responses = {};
  for (const [status, group] of Map.groupBy(codes, (code) => REFUSALS[code].status)) {
    responses[status] = {
      description: group.map((code) => `\`${code}\`: ${REFUSALS[code].title}`).join("; "),
      content: { "application/problem+json": { schema: resolver(problemSchema) } },
    };
  }
  return responses;
}
