import { MIGRATIONS, SQLITE_TRIGGERS } from "../migrations.ts";
import type { Connection } from "./connection.ts";
import { MEMORY_WORDS } from "./memory-words.ts";
import { failureOf, newerFormat } from "./trouble.ts";

/** "Bato", which marks a file as ours. */
const APPLICATION_ID = 0x4261_746f;
const FORMAT = MIGRATIONS.length;

/** Says again what format the file has. */
export const PROBE = `pragma user_version = ${FORMAT}`;

/** Fails where the file no longer has the format that this process writes, for instance since a newer one has used it. */
export function checkFormat(db: Connection, path: string): void {
  const format = Number(db.ask("pragma user_version"));
  if (format > FORMAT) throw newerFormat(path, format, FORMAT);
  if (format < FORMAT) throw failureOf("foreign", path);
}

/** The format of a file of ours, 0 for an empty one. Fails where it is somebody else's, and changes nothing in it. */
function formatOf(db: Connection, path: string): number {
  const owner = Number(db.ask("pragma application_id"));
  const format = Number(db.ask("pragma user_version"));
  const tables = Number(db.ask("select count(*) from sqlite_master"));
  const fresh = owner === 0 && format === 0 && tables === 0;
  if (owner !== APPLICATION_ID && !fresh) throw failureOf("foreign", path);
  if (format > FORMAT) throw newerFormat(path, format, FORMAT);
  return format;
}

/** Reads one state of the file, though others may be making it at this very moment. */
function atOnce<T>(db: Connection, read: () => T): T {
  db.exec("begin");
  try {
    return read();
  } finally {
    db.rollback();
  }
}

/** Brings a file to our format, whoever else does the same at the same moment. Fails where it cannot be written. */
export function migrate(db: Connection, path: string): void {
  const before = atOnce(db, () => formatOf(db, path));
  if (before === 0) db.exec("pragma page_size = 8192");
  if (db.ask("pragma journal_mode") !== "wal") db.exec("pragma journal_mode = wal");
  db.exec("pragma synchronous = full; pragma wal_autocheckpoint = 512");
  db.exec("begin immediate");
  try {
    const format = formatOf(db, path);
    for (const migration of MIGRATIONS.slice(format)) db.exec(migration);
    if (format === 0) db.exec(SQLITE_TRIGGERS);
    if (format < FORMAT) db.exec(MEMORY_WORDS);
    if (format < FORMAT) db.exec(`pragma application_id = ${APPLICATION_ID}; ${PROBE}`);
    db.exec("commit");
  } finally {
    db.rollback();
  }
}
