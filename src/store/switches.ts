import type { Switch } from "../core/store.ts";
import { int, sql, type Tx, text } from "./statement.ts";

/** What has been switched off, by whom and when. */
export function* switches(): Tx<readonly Switch[]> {
  const rows = yield sql("select * from switches order by off_at, subject");
  return rows.map((row) => ({
    subject: text(row, "subject"),
    off_by: text(row, "off_by"),
    off_at: int(row, "off_at"),
  }));
}

/** Switches a provider or an agent off; true where it was on. */
export function* switchOff(subject: string, by: string, now: number): Tx<boolean> {
  const off = yield sql(
    `insert into switches (subject, off_by, off_at) values ($1, $2, $3)
     on conflict (subject) do nothing returning subject`,
    subject,
    by,
    now,
  );
  return off.length > 0;
}

/** Switches it on again; true where it was off. Every run that waits for somebody to be there looks again, now. */
export function* switchOn(subject: string, now: number): Tx<boolean> {
  const on = yield sql("delete from switches where subject = $1 returning subject", subject);
  if (on.length === 0) return false;
  const woken = yield sql(
    `update waits set expires_at = $1
     where kind = 'timer' and state = 'open' and show like '{"outage":%' and expires_at > $1 returning run`,
    now,
  );
  for (const run of new Set(woken.map((row) => text(row, "run"))))
    yield sql("update runs set wake_at = $2 where id = $1 and status = 'waiting'", run, now);
  return true;
}
