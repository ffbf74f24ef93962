/**
 * What becomes of an uploaded image: the resizer's report, or none in time.
 */
import { type Kysely, sql, type Transaction } from "kysely";
import type { ImageReport } from "#shared/contracts/control.ts";
import type { ImagePurpose } from "#shared/contracts/jobs.ts";
import { type ImageRow, lockImage, versionPrefix } from "./images.ts";
import type { Database } from "./schema.ts";

/** What to delete from storage once a report is taken: single objects, and whole versions. */
export type Leftovers = {
  readonly keys: readonly string[];
  /** Variants of versions of this image that nobody needs any more. */
  readonly variants: {
    readonly purpose: ImagePurpose;
    readonly imageId: string;
    readonly isObsolete: (version: number) => boolean;
  } | null;
};

/** Takes the resizer's report; the same one again changes nothing, an older version never wins. */
export async function reportImage(
  db: Kysely<Database>,
  report: ImageReport,
): Promise<Leftovers> {
  return await db.transaction().execute(async (trx) => {
    const row = await lockImage(trx, report.imageId);
    if (row === undefined) return deletedImage(report);
    if (report.version !== row.version) return obsoleteVersion(row, report);
    if (report.status === "ready") return await setReady(trx, row, report);
    if (row.status === "pending") await setFailed(trx, row, report);
    return { keys: row.source_key === null ? [] : [row.source_key], variants: null };
  });
}

/** Its user is gone: what the resizer made goes too. */
function deletedImage(report: ImageReport): Leftovers {
  const keys = report.status === "ready" ? report.variants.map(({ key }) => key) : [];
  return { keys, variants: null };
}

/** A late report about a version that was replaced; its variants stay only while they are shown. */
function obsoleteVersion(row: ImageRow, report: ImageReport): Leftovers {
  const prefix = `${versionPrefix(row.purpose, row.id, report.version)}/`;
  const isShown = row.variants?.some(({ key }) => key.startsWith(prefix)) ?? false;
  if (isShown || report.version > row.version) return { keys: [], variants: null };
  const isObsolete = (version: number) => version === report.version;
  return { keys: [], variants: { purpose: row.purpose, imageId: row.id, isObsolete } };
}

async function setReady(
  trx: Transaction<Database>,
  row: ImageRow,
  report: ImageReport & { status: "ready" },
): Promise<Leftovers> {
  if (row.status !== "ready") {
    await trx.updateTable("images").set({
      status: "ready",
      variants: report.variants,
      source_key: null,
      failure_code: null,
      failure_detail: null,
      updated_at: sql`now()`,
    }).where("id", "=", row.id).execute();
  }
  const isObsolete = (version: number) => version < report.version;
  return {
    keys: row.source_key === null ? [] : [row.source_key],
    variants: { purpose: row.purpose, imageId: row.id, isObsolete },
  };
}

async function setFailed(
  trx: Transaction<Database>,
  row: ImageRow,
  report: ImageReport & { status: "failed" },
): Promise<void> {
  await trx.updateTable("images").set({
    status: "failed",
    source_key: null,
    failure_code: report.code,
    failure_detail: report.detail,
    updated_at: sql`now()`,
  }).where("id", "=", row.id).execute();
}

/** Fails uploads that nobody resized since `before`; the keys of their originals. */
export async function failStaleImages(
  db: Kysely<Database>,
  before: Date,
): Promise<readonly string[]> {
  const rows = await db.with(
    "stale",
    (with_) =>
      with_.selectFrom("images").select(["id", "source_key"])
        .where("status", "=", "pending").where("updated_at", "<", before)
        .forUpdate().skipLocked(),
  )
    .updateTable("images").from("stale").set({
      status: "failed",
      source_key: null,
      failure_code: "INTERNAL",
      failure_detail: "The picture could not be processed in time. Upload it again.",
      updated_at: sql`now()`,
    }).whereRef("images.id", "=", "stale.id").returning("stale.source_key").execute();
  return rows.flatMap(({ source_key: key }) => key === null ? [] : [key]);
}

/** Those of `keys` that are the original of a pending image. */
export async function findSourceKeys(
  db: Kysely<Database>,
  keys: readonly string[],
): Promise<ReadonlySet<string>> {
  if (keys.length === 0) return new Set();
  const rows = await db.selectFrom("images").select("source_key")
    .where("source_key", "in", keys).execute();
  return new Set(rows.flatMap(({ source_key: key }) => key === null ? [] : [key]));
}
