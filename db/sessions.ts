/**
 * Sessions: a login is a family of refresh tokens, each the successor of the one before. A token
 * that comes back long after it was spent ends the whole family.
 * @see RFC 9700 section 4.14.2
 */
import { type Kysely, sql } from "kysely";
import { newId } from "#shared/ids.ts";
import type { Database } from "./schema.ts";

export type NewSession = {
  readonly userId: string;
  readonly tokenHash: Uint8Array;
  readonly now: Date;
  readonly expiresAt: Date;
};

/** Opens a session with its first refresh token; its id. */
export async function openSession(db: Kysely<Database>, session: NewSession): Promise<string> {
  const id = newId(session.now.getTime());
  const { userId, tokenHash, now, expiresAt } = session;
  // One statement, so that a login costs one round trip and leaves no family without a token.
  await db.with(
    "family",
    (query) =>
      query.insertInto("refresh_families")
        .values({ id, user_id: userId, created_at: now, expires_at: expiresAt, revoked_at: null })
        .returning("id"),
  ).insertInto("refresh_tokens").columns([
    "token_hash",
    "family_id",
    "created_at",
    "expires_at",
  ]).expression((query) =>
    query.selectFrom("family").select([
      sql<Uint8Array>`${tokenHash}::bytea`.as("token_hash"),
      "family.id as family_id",
      sql<Date>`${now}::timestamptz`.as("created_at"),
      sql<Date>`${expiresAt}::timestamptz`.as("expires_at"),
    ])
  ).execute();
  return id;
}

export type Rotation = {
  readonly tokenHash: Uint8Array;
  /** Hash of its successor, which is always the same one. */
  readonly nextHash: Uint8Array;
  readonly now: Date;
  readonly expiresAt: Date;
  /** For so long a spent token is answered again. */
  readonly graceMs: number;
};

/** `reused`: the token had been spent for longer than the grace, and its session is over now. */
export type RotationResult =
  | { readonly outcome: "rotated"; readonly userId: string; readonly sessionId: string }
  | { readonly outcome: "reused"; readonly sessionId: string }
  | { readonly outcome: "unknown" };

/** Spends a refresh token and stores its successor; repeated within the grace it changes nothing. */
export async function rotateSession(
  db: Kysely<Database>,
  rotation: Rotation,
): Promise<RotationResult> {
  const { tokenHash, nextHash, now, expiresAt, graceMs } = rotation;
  return await db.transaction().execute(async (trx): Promise<RotationResult> => {
    const token = await trx.selectFrom("refresh_tokens as t")
      .innerJoin("refresh_families as f", "f.id", "t.family_id")
      .select(["t.family_id", "t.spent_at", "t.expires_at", "f.user_id", "f.revoked_at"])
      .where("t.token_hash", "=", tokenHash).forUpdate().executeTakeFirst();
    if (token === undefined || token.revoked_at !== null || token.expires_at <= now) {
      return { outcome: "unknown" };
    }
    const sessionId = token.family_id;
    if (token.spent_at !== null) {
      const isInGrace = now.getTime() - token.spent_at.getTime() <= graceMs;
      if (isInGrace) return { outcome: "rotated", userId: token.user_id, sessionId };
      await trx.updateTable("refresh_families").set({ revoked_at: now })
        .where("id", "=", sessionId).execute();
      return { outcome: "reused", sessionId };
    }
    await trx.updateTable("refresh_tokens").set({ spent_at: now })
      .where("token_hash", "=", tokenHash).execute();
    await trx.insertInto("refresh_tokens").values({
      token_hash: nextHash,
      family_id: sessionId,
      created_at: now,
      expires_at: expiresAt,
      spent_at: null,
    }).execute();
    await trx.updateTable("refresh_families").set({ expires_at: expiresAt })
      .where("id", "=", sessionId).execute();
    return { outcome: "rotated", userId: token.user_id, sessionId };
  });
}

/** Ends a session of `userId`. */
export async function closeSession(
  db: Kysely<Database>,
  session: { readonly id: string; readonly now: Date },
): Promise<void> {
  await db.updateTable("refresh_families").set({ revoked_at: session.now })
    .where("id", "=", session.id).where("revoked_at", "is", null).execute();
}

/** Ends the session a refresh token belongs to; its id. */
export async function closeSessionOfToken(
  db: Kysely<Database>,
  session: { readonly tokenHash: Uint8Array; readonly now: Date },
): Promise<string | undefined> {
  const row = await db.updateTable("refresh_families as f").from("refresh_tokens as t")
    .set({ revoked_at: session.now })
    .whereRef("t.family_id", "=", "f.id").where("t.token_hash", "=", session.tokenHash)
    .where("f.revoked_at", "is", null).returning("f.id").executeTakeFirst();
  return row?.id;
}

export type PasswordChange = {
  readonly userId: string;
  readonly passwordHash: string;
  /** The session that made the change goes on. */
  readonly keptSessionId: string;
  readonly now: Date;
};

/** Stores a new password and ends every other session; their ids. */
export async function changePassword(
  db: Kysely<Database>,
  change: PasswordChange,
): Promise<readonly string[]> {
  return await db.transaction().execute(async (trx) => {
    await trx.updateTable("users")
      .set({ password_hash: change.passwordHash, updated_at: change.now })
      .where("id", "=", change.userId).execute();
    const ended = await trx.updateTable("refresh_families").set({ revoked_at: change.now })
      .where("user_id", "=", change.userId).where("id", "<>", change.keptSessionId)
      .where("revoked_at", "is", null).returning("id").execute();
    return ended.map(({ id }) => id);
  });
}
