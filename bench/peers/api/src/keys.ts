import { createDecipheriv, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { settings } from "./settings.js";

/** What `stream_key_hash` holds. */
export function hashStreamKey(streamKey: string): Buffer<ArrayBuffer> {
  return Buffer.from(createHmac("sha256", settings.lookupKey).update(streamKey).digest());
}

/** `stream_key_sealed` in clear: nonce, ciphertext, tag. */
export function openStreamKey(channelId: string, sealed: Uint8Array): string {
  const decipher = createDecipheriv("aes-256-gcm", settings.sealingKey, sealed.subarray(0, 12));
  decipher.setAAD(Buffer.from(channelId));
  decipher.setAuthTag(sealed.subarray(-16));
  return decipher.update(sealed.subarray(12, -16), undefined, "utf8") + decipher.final("utf8");
}

const serviceToken = Buffer.from(settings.serviceToken);

export function isServiceToken(token: string): boolean {
  const given = Buffer.from(token);
  return given.length === serviceToken.length && timingSafeEqual(given, serviceToken);
}

/** UUIDv7, RFC 9562 section 5.7. */
export function newId(): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** 12 lower-case letters and digits. */
export function newVideoUrl(): string {
  return Array.from(randomBytes(12), (byte) => (byte % 36).toString(36)).join("");
}
