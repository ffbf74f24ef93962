/**
 * Stream keys at rest: found again by a keyed hash, shown again to their owner from a sealed copy.
 * A copy of the database alone gives away neither.
 */
import { deriveKey } from "#shared/keys.ts";
import { newStreamKey } from "#shared/ids.ts";

export type SealedStreamKey = { readonly hash: Uint8Array; readonly sealed: Uint8Array };

export type StreamKeys = {
  /** A new key in clear, and what the database stores of it for `channelId`. */
  create(channelId: string): Promise<{ readonly streamKey: string } & SealedStreamKey>;
  /** HMAC-SHA-256: what the column `stream_key_hash` holds for this key. */
  hash(streamKey: string): Promise<Uint8Array>;
  /** The key in clear. @throws OperationError when it was sealed for another channel or secret */
  open(channelId: string, sealed: Uint8Array): Promise<string>;
};

const NONCE_BYTES = 12;
const MAX_OPENED = 2000;
const utf8 = new TextEncoder();

/** Stream keys under keys derived from SLUICE_SECRET. */
export async function createStreamKeys(secret: string): Promise<StreamKeys> {
  const lookup = await importKey(secret, "stream-key-lookup", {
    name: "HMAC",
    hash: "SHA-256",
  }, ["sign"]);
  const sealing = await importKey(secret, "stream-key-sealing", { name: "AES-GCM" }, [
    "encrypt",
    "decrypt",
  ]);
  const opened = new Map<string, { readonly sealed: Uint8Array; readonly streamKey: string }>();

  const hash = async (streamKey: string) =>
    new Uint8Array(await crypto.subtle.sign("HMAC", lookup, utf8.encode(streamKey)));

  const open = async (channelId: string, sealed: Uint8Array) => {
    const known = opened.get(channelId);
    if (known !== undefined && isSame(known.sealed, sealed)) return known.streamKey;
    const streamKey = await unseal(sealing, channelId, sealed);
    if (opened.size >= MAX_OPENED) opened.delete(opened.keys().next().value ?? "");
    opened.set(channelId, { sealed, streamKey });
    return streamKey;
  };

  return {
    hash,
    open,
    create: async (channelId) => {
      const streamKey = newStreamKey();
      const sealed = await seal(sealing, channelId, streamKey);
      return { streamKey, hash: await hash(streamKey), sealed };
    },
  };
}

async function importKey(
  secret: string,
  purpose: "stream-key-lookup" | "stream-key-sealing",
  algorithm: HmacImportParams | { name: string },
  usages: KeyUsage[],
): Promise<CryptoKey> {
  const bytes = await deriveKey(secret, purpose);
  return crypto.subtle.importKey("raw", bytes, algorithm, false, usages);
}

/** 12 bytes of nonce, then ciphertext and tag; bound to the channel so that rows cannot be swapped. */
async function seal(key: CryptoKey, channelId: string, streamKey: string): Promise<Uint8Array> {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const algorithm = { name: "AES-GCM", iv: nonce, additionalData: utf8.encode(channelId) };
  const ciphertext = await crypto.subtle.encrypt(algorithm, key, utf8.encode(streamKey));
  const sealed = new Uint8Array(NONCE_BYTES + ciphertext.byteLength);
  sealed.set(nonce);
  sealed.set(new Uint8Array(ciphertext), NONCE_BYTES);
  return sealed;
}

async function unseal(key: CryptoKey, channelId: string, sealed: Uint8Array): Promise<string> {
  const algorithm = {
    name: "AES-GCM",
    iv: Uint8Array.from(sealed.subarray(0, NONCE_BYTES)),
    additionalData: utf8.encode(channelId),
  };
  const ciphertext = Uint8Array.from(sealed.subarray(NONCE_BYTES));
  return new TextDecoder().decode(await crypto.subtle.decrypt(algorithm, key, ciphertext));
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
