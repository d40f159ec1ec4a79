/**
 * The dashboard at `/admin/`: a page, its style and its modules, as they lie in `src/dashboard/`. They hold no secret, so
 * that they need no token; everything that they show comes from the admin API, which does.
 * @module
 */
import { type Asset, DashboardAssets } from "./dashboard_route_assets.ts";
import { type Problem, problemResponse } from "./problem.ts";
import type { RequestContext, Route } from "./routes.ts";

/**
 * Nothing but our own files, no inline code or style, and no way to make markup of text: where a browser knows trusted
 * types, even a mistake of ours could not.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const NOT_FOUND: Problem = { status: 404, code: "not_found", title: "Not found" };

/** The routes. Give them where the admin API is on, and only there. */
export function dashboardRoutes(): readonly Route[] {
  const assets = new DashboardAssets();
  const file = (pattern: string, nameOf: (context: RequestContext) => string): Route => ({
    method: "GET",
    pattern,
    doc: null,
    handle: async (request, context) => {
      const asset = await assets.get(nameOf(context));
      return asset === null ? problemResponse(NOT_FOUND, context.correlationId) : assetResponse(request, asset);
    },
  });
  return [
    {
      method: "GET",
      pattern: "/admin",
      doc: null,
      // Relative: a proxy may have put a prefix before it. What is behind `#` stays with the browser.
      handle: () => new Response(null, { status: 308, headers: { Location: "admin/" } }),
    },
    file("/admin/", () => "index.html"),
    file("/admin/assets/:file", ({ params }) => params["file"]!),
    file("/admin/assets/:folder/:file", ({ params }) => `${params["folder"]}/${params["file"]}`),
  ];
}

function assetResponse(request: Request, { etag, type, plain, gzip }: Asset): Response {
  const headers = new Headers({
    "Content-Type": type,
    // Asked about each time, which costs a few bytes: after an update nobody has old modules beside new ones.
    "Cache-Control": "no-cache",
    ETag: etag,
    Vary: "Accept-Encoding",
    ...(type.startsWith("text/html") ? { "Content-Security-Policy": CONTENT_SECURITY_POLICY } : {}),
  });
  const known = (request.headers.get("if-none-match") ?? "").split(",").map((one) => one.trim());
  if (known.includes(etag)) return new Response(null, { status: 304, headers });
  const zipped = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/.test(request.headers.get("accept-encoding") ?? "");
  if (zipped) headers.set("Content-Encoding", "gzip");
  const body = zipped ? gzip : plain;
  headers.set("Content-Length", String(body.byteLength));
  return new Response(request.method === "HEAD" ? null : body, { headers });
}
