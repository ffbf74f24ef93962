/**
 * Argon2id in WebAssembly: for edges, where no native code runs.
 */
import { argon2id, argon2Verify } from "hash-wasm";
import { ARGON2ID, type PasswordHasher } from "./password.ts";

export const wasmHasher: PasswordHasher = {
  hash: (password) =>
    argon2id({
      password,
      salt: crypto.getRandomValues(new Uint8Array(16)),
      memorySize: ARGON2ID.memoryKiB,
      iterations: ARGON2ID.passes,
      parallelism: ARGON2ID.lanes,
      hashLength: ARGON2ID.hashBytes,
      outputType: "encoded",
    }),
  verify: (phc, password) => argon2Verify({ hash: phc, password }),
};
