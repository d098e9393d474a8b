import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";

/** Folders that are removed, and stores that are closed, after each test of the file that asks for them. */
export function cleaned(): { folder(): string; after(clean: () => unknown): void } {
  const cleaning: (() => unknown)[] = [];
  afterEach(async () => {
    for (const clean of cleaning.splice(0).reverse()) await clean();
  });
  return {
    folder() {
      const folder = mkdtempSync(join(tmpdir(), "baton-store-"));
      chmodSync(folder, 0o755);
      cleaning.push(() => rmSync(folder, { recursive: true, force: true }));
      return folder;
    },
    after: (clean) => cleaning.push(clean),
  };
}
