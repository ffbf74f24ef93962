/**
 * The watch page with the bundles as they were built, without a server or a browser.
 */
import type { Assets } from "#web/assets.ts";
import { type BuiltFile, type BuiltFiles, describeFile } from "#web/page-weights.ts";
import { createSite } from "#web/site.tsx";

export type BuiltPage = {
  readonly html: string;
  /** The assets it names, without the path. */
  readonly names: readonly string[];
};

const API_URL = "http://localhost:8000";
const HLS_URL = "http://localhost:8080";
const VIDEO = {
  url: "abc123def456",
  title: "First show",
  description: null,
  thumbnail: `${API_URL}/videos/thumbnails/01a22d9d-ae95-777d-b706-a10662e3f84a-1-1280.jpg`,
  playbackUrl: `${HLS_URL}/hls-live/abc123def456.m3u8`,
  recording: null,
  startedAt: null,
  endedAt: null,
  durationMs: null,
  createdAt: "2026-01-02T03:04:05.000Z",
};

/** The page of a video with that status. */
export async function readBuiltPage(assets: Assets, status: string): Promise<BuiltPage> {
  const api = () => Response.json({ ...VIDEO, status });
  const site = createSite({ api, publicUrl: API_URL, hlsUrl: HLS_URL, assets });
  const html = await (await site(new Request(`${API_URL}/watch/${VIDEO.url}`))).text();
  const named = html.matchAll(/(?:src|href)="\/assets\/([^"]+)"/g);
  return { html, names: Array.from(named, ([, name = ""]) => name) };
}

/** The bundles as a browser that takes brotli gets them. */
export function describeAssets(assets: Assets): BuiltFiles {
  const entries = Array.from(assets, ([name, { body, compressed }]): [string, BuiltFile] => [
    name,
    describeFile(name, new TextDecoder().decode(body), (compressed?.br ?? body).byteLength),
  ]);
  return new Map(entries);
}
