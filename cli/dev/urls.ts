/**
 * Where everything of one `sluice dev` is reached.
 */
import { networkInterfaces } from "node:os";

export type Ports = { readonly api: number; readonly rtmp: number; readonly hls: number };

export type Addresses = {
  /** For people, encoders and players; no trailing slash. */
  readonly api: string;
  readonly rtmp: string;
  readonly hls: string;
};

export type PublicUrlSettings = {
  readonly PUBLIC_API_URL?: string | undefined;
  readonly PUBLIC_RTMP_URL?: string | undefined;
  readonly PUBLIC_HLS_URL?: string | undefined;
};

/** The public addresses: what is set, else the ports on `name`. */
export function publicAddresses(
  settings: PublicUrlSettings,
  ports: Ports,
  name: string,
): Addresses {
  return {
    api: withoutSlash(settings.PUBLIC_API_URL ?? `http://${name}:${ports.api}`),
    rtmp: withoutSlash(settings.PUBLIC_RTMP_URL ?? `rtmp://${name}:${ports.rtmp}/streaming`),
    hls: withoutSlash(settings.PUBLIC_HLS_URL ?? `http://${name}:${ports.hls}`),
  };
}

/** The name under which others on this network find us: the first outside IPv4 address. */
export function lanName(): string | null {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? null;
}

/** A host to connect to for what listens on `host`. */
export function loopbackOf(host: string): string {
  return host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, "");
}
