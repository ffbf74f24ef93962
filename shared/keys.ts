/**
 * Keys derived from SLUICE_SECRET, one per purpose, so that no key is used for two things.
 * @see RFC 5869 (HKDF)
 */

const utf8 = new TextEncoder();

export type KeyPurpose =
  | "access-token"
  | "refresh-token"
  | "stream-key-lookup"
  | "stream-key-sealing"
  | "service-token";

/** 32 bytes for `purpose`; the same secret always gives the same bytes. */
export async function deriveKey(
  secret: string,
  purpose: KeyPurpose,
): Promise<Uint8Array<ArrayBuffer>> {
  const material = await crypto.subtle.importKey("raw", utf8.encode(secret), "HKDF", false, [
    "deriveBits",
  ]);
  const bits = await crypto.subtle.deriveBits(
    {
      name: "HKDF",
      hash: "SHA-256",
      salt: new Uint8Array(),
      info: utf8.encode(`sluice ${purpose}`),
    },
    material,
    256,
  );
  return new Uint8Array(bits);
}

/** The token with which media node and resizer call `/control/*` when none is set explicitly. */
export async function deriveServiceToken(secret: string): Promise<string> {
  const key = await deriveKey(secret, "service-token");
  return Array.from(key, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
