/**
 * The OpenAPI document and the reference page that shows it. Everything is served by us.
 */
import { type Context, Hono } from "hono";
import * as z from "zod";
import { AppError } from "#shared/errors.ts";
import type { ApiEnv, Deps } from "../deps.ts";
import { describe } from "../http/openapi.ts";
import { createDocument, type OpenApiDocument } from "../http/document.ts";

// The page's own script and style sheet; Swagger UI sets styles on elements and shows data: icons.
const PAGE_CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<main id="reference"></main>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const START_SCRIPT = `SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
});
`;

/** `/openapi.json`, `/docs` and its assets. `app` is the whole app, complete by the first request. */
export function docsRoutes(deps: Deps, app: () => Hono<ApiEnv>) {
  let document: Promise<OpenApiDocument> | undefined;
  return new Hono<ApiEnv>()
    .get(
      "/openapi.json",
      describe({
        summary: "This document",
        tag: "operations",
        access: "public",
        answers: { 200: z.looseObject({ openapi: z.string() }) },
      }),
      async (c) => {
        document ??= createDocument(app(), deps.urls);
        return c.json(await document, 200);
      },
    )
    .get(
      "/docs",
      describe({
        summary: "The reference page of this API",
        tag: "operations",
        access: "public",
        answers: {},
        files: { 200: ["text/html"] },
      }),
      (c) => {
        c.header("content-security-policy", PAGE_CSP);
        return c.html(PAGE);
      },
    )
    .get(
      "/docs/:name",
      describe({
        summary: "A file of the reference page",
        tag: "operations",
        access: "public",
        answers: {},
        files: { 200: ["text/css", "text/javascript", "image/png"] },
        refuses: ["NOT_FOUND"],
      }),
      (c) => serveAsset(c, deps, c.req.param("name")),
    );
}

async function serveAsset(c: Context<ApiEnv>, deps: Deps, name: string): Promise<Response> {
  if (name === "start.js") {
    return c.body(START_SCRIPT, 200, { "content-type": "text/javascript; charset=utf-8" });
  }
  const asset = await deps.readDocsAsset(name);
  if (asset === null) throw new AppError("NOT_FOUND", "the reference page has no such file");
  c.header("cache-control", "public, max-age=86400");
  return c.body(asset.body, 200, { "content-type": asset.contentType });
}
