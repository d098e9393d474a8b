import { z } from "zod";
import type { DeedFunction } from "../core/deed.ts";
import { Failure } from "../core/errors.ts";
import { type Allowed, readAllowed } from "../files/allowed.ts";

const FileWish = z.strictObject({ path: z.string().min(1).max(4096) });

/** Texts from files inside the folders that the settings name, all links followed, and from nowhere else. */
export const fileDeed = (world: Allowed): DeedFunction => ({
  name: "file",
  check: (input) => void wished(input),
  perform: async (input) => readAllowed(wished(input), world),
});

function wished(input: unknown): string {
  const { success, data } = FileWish.safeParse(input);
  if (!success) throw new Failure("BAD_REQUEST", "a file is named by its path, a text of at most 4096 characters");
  return data.path;
}
