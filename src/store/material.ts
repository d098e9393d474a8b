import type { Bodies } from "../core/material.ts";
import type { NewRun, Run } from "../core/store.ts";
import { sql, type Tx } from "./statement.ts";
import { fetchTexts, keep, keepText } from "./texts.ts";

/** What a column holds for a run's material; the bytes of its files are texts, each kept once. */
export function* keepMaterial(
  { material, bodies }: Pick<NewRun, "material" | "bodies">,
  now: number,
): Tx<string | null> {
  for (const { text } of material?.files ?? []) {
    const body = bodies?.get(text);
    const touched = yield sql("update texts set used_at = $2 where hash = $1 returning hash", text, now);
    if (touched.length === 0 && body !== undefined) yield* keepText(body, now);
  }
  return yield* keep(material, now);
}

/** The bytes of a run's files in base64, by the hash of that; undefined where it has none. */
export function* bodiesOf({ material }: Pick<Run, "material">): Tx<Bodies | undefined> {
  const hashes = material?.files?.map(({ text }) => text) ?? [];
  return hashes.length === 0 ? undefined : yield* fetchTexts(hashes.map((hash) => `@${hash}`));
}
