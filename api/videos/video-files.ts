/**
 * What storage holds of a video.
 */
import type { Deps } from "../deps.ts";

/**
 * Deletes what lies below `prefixes`, once the rows it belonged to are gone. A storage that fails
 * costs space, not the answer: what is left is named in the log.
 */
export async function deleteVideoFiles(
  deps: Pick<Deps, "storage" | "log">,
  prefixes: readonly string[],
): Promise<void> {
  for (const prefix of prefixes) {
    try {
      await deps.storage.deletePrefix(prefix);
    } catch (error) {
      deps.log.error("video.files_left", { prefix, error });
    }
  }
}
