/**
 * Argon2id in native code, off the event loop: for servers.
 */
import { hash, verify } from "@node-rs/argon2";
import { ARGON2ID, type PasswordHasher } from "./password.ts";

// The package's default algorithm is argon2id.
export const nativeHasher: PasswordHasher = {
  hash: (password) =>
    hash(password, {
      memoryCost: ARGON2ID.memoryKiB,
      timeCost: ARGON2ID.passes,
      parallelism: ARGON2ID.lanes,
      outputLen: ARGON2ID.hashBytes,
    }),
  verify,
};
