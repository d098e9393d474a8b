// Opens a store as a user who may not write there, and says what came of it.
import { Failure } from "../../src/core/errors.ts";
import { openStore } from "../../src/store/sqlite/open.ts";
import { REAL_CLOCK } from "./kit.ts";

if (process.getuid?.() === 0) {
  process.setgid?.(65534);
  process.setuid?.(65534);
}
try {
  const store = await openStore({ home: process.argv[2] ?? "", clock: REAL_CLOCK });
  await store.close();
  process.stdout.write("opened\n");
} catch (error) {
  process.stdout.write(`${error instanceof Failure ? error.code : String(error)}\n`);
}
