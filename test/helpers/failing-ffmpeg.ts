/**
 * An ffmpeg that fails where it is asked for a poster, so often, and is the real one otherwise.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

export type FailingFfmpeg = {
  readonly path: string;
  /** How often it has failed. */
  readonly failures: () => Promise<number>;
  /** The file with a line for each poster it was asked for. */
  readonly runs: string;
  /** The file with a line for each poster that was asked for while another one was under way. */
  readonly overlaps: string;
};

/** The program, in `folder`; it fails the first `times`. */
export async function writeFailingFfmpeg(folder: string, times: number): Promise<FailingFfmpeg> {
  const path = join(folder, "failing-ffmpeg");
  const [runs, failed, overlaps] = ["runs", "failed", "overlaps"].map((name) => join(folder, name));
  await writeFile(
    path,
    `#!/bin/sh
case "$*" in *image2pipe*) ;; *) exec ffmpeg "$@" ;; esac
echo run >>'${runs}'
mkdir '${folder}/rendering' 2>/dev/null || echo overlap >>'${overlaps}'
if [ "$(wc -l <'${runs}')" -le ${times} ]; then
  cat >/dev/null
  echo "it fails on purpose" >&2
  rmdir '${folder}/rendering' 2>/dev/null
  echo failed >>'${failed}'
  exit 1
fi
ffmpeg "$@"
code=$?
rmdir '${folder}/rendering' 2>/dev/null
exit $code
`,
    { mode: 0o755 },
  );
  const count = async () => (await readFile(failed ?? "", "utf8").catch(() => "")).length / 7;
  return { path, failures: count, runs: runs ?? "", overlaps: overlaps ?? "" };
}
