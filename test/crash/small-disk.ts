import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { Home } from "./books.ts";

/** A home on a disk of two megabytes; undefined where this user may mount none. */
export class SmallDisk extends Home {
  static mount(): SmallDisk | undefined {
    const folder = mkdtempSync(join(tmpdir(), "baton-disk-"));
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], { stdio: "pipe" });
      return new SmallDisk(folder);
    } catch (error) {
      rmSync(folder, { recursive: true });
      console.log(`skipped: a small disk cannot be mounted here (${error instanceof Error ? error.message : error})`);
      return undefined;
    }
  }

  get #ballast(): string {
    return join(this.folder, "ballast");
  }

  fill(): void {
    const file = openSync(this.#ballast, "w");
    try {
      for (const bytes = Buffer.alloc(4096); ; ) writeSync(file, bytes);
    } catch (error) {
      expect(error).toMatchObject({ code: "ENOSPC" });
    } finally {
      closeSync(file);
    }
  }

  free(): void {
    rmSync(this.#ballast);
  }

  /** From now on nothing can be written there, whoever one is. */
  lock(): void {
    execFileSync("mount", ["-o", "remount,ro", this.folder]);
  }

  unlock(): void {
    execFileSync("mount", ["-o", "remount,rw", this.folder]);
  }

  override [Symbol.dispose](): void {
    execFileSync("umount", ["-l", this.folder]);
    super[Symbol.dispose]();
  }
}
