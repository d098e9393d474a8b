import { Failure } from "../core/errors.ts";
import { showUsd } from "../core/money.ts";
import { hasEnded } from "../core/status.ts";
import type { Progress, Run, Wait } from "../core/store.ts";
import { compareUri } from "./comparing.ts";
import { type Envelope, envelope, isCut, refusal, runUri } from "./envelope.ts";
import { counted, render } from "./render.ts";
import { LONG_WAIT } from "./tail.ts";
import type { CallContext, Reply, Rooms } from "./tool.ts";

/** After so long without news it is said again that the run goes on, since some clients give up on silence. */
const QUIET_SECONDS = 10;

/** What people are asked for. */
const ASKS: readonly Wait["kind"][] = ["approval", "answer", "budget"];

/** What is said of a run beside how it stands. */
interface Said {
  readonly note?: string;
  readonly warnings?: readonly string[];
}

/** Waits for a run as long as its caller will, telling them how far it is, and answers with how it then stands. */
export async function watch(
  rooms: Rooms,
  run: Run,
  seconds: number,
  context: CallContext,
  { note, warnings = [] }: Said = {},
): Promise<Reply> {
  const notes = note === undefined ? [] : [note];
  if (seconds > LONG_WAIT) notes.push(`some clients stop listening after 60 s; the run goes on, and get_run finds it`);
  const waited = await waitFor(rooms, run, seconds, context).catch((error: unknown) => {
    notes.push(`the wait broke off (${Failure.from(error).message}); the run goes on`);
    return run;
  });
  return runReply(rooms, waited, { ...(notes.length > 0 && { note: `${notes.join("; ")}.` }), warnings });
}

async function waitFor(rooms: Rooms, run: Run, seconds: number, { signal, progress }: CallContext): Promise<Run> {
  if (seconds === 0 || hasEnded(run.status)) return run;
  const stop = progress && reporting(rooms, run.id, progress);
  try {
    return await rooms.engine.wait(run.id, seconds * 1000, { signal });
  } finally {
    stop?.();
  }
}

/** Tells what has changed, at most once a second, and that it still goes on where nothing has. */
function reporting(rooms: Rooms, id: string, progress: (message: string) => void): () => void {
  let last = "";
  let quiet = 0;
  const look = async () => {
    const run = await rooms.store.get(id);
    const now = run && !hasEnded(run.status) ? await howFar(rooms, run) : "";
    quiet = now === last ? quiet + 1 : 0;
    if (now !== "" && quiet % QUIET_SECONDS === 0) progress(now);
    last = now;
  };
  const timer = setInterval(() => void look().catch(() => undefined), 1000);
  return () => clearInterval(timer);
}

/** How far a run is, in one line: "running, 3 steps done, $0.0012". */
async function howFar(rooms: Rooms, run: Run): Promise<string> {
  const { done, running } = await progressOf(rooms, run);
  const now = running.length > 0 && running.length <= 4 ? `, now ${running.join(", ")}` : "";
  const said = run.progress === undefined ? "" : `: ${run.progress}`;
  return `${run.status}, ${counted(done, "step")} done${now}, ${showUsd(run.usage.usd)}${said}`;
}

/** What the store knows of it, and the tools that are being used right now, of which no store is told. */
async function progressOf({ store, engine }: Rooms, { id }: Run): Promise<Progress> {
  const progress = await store.progress(id);
  return { ...progress, running: [...progress.running, ...engine.doing(id)] };
}

/** The answer that tells how a run stands. A failed or dead run is an error to whoever called, so that models notice. */
async function runReply(rooms: Rooms, run: Run, said: Said): Promise<Reply> {
  const { engine, people } = rooms;
  const progress = await progressOf(rooms, run);
  const isAsked = progress.waiting.some(({ kind }) => ASKS.includes(kind));
  const page = run.status === "waiting" && isAsked ? await people.page(run) : undefined;
  const meeting = { self: people.policy.self, page };
  const queuedBecause = run.status === "queued" ? engine.queuedBecause(run) : undefined;
  const data = envelope({ run, progress, queuedBecause, meeting, ...said });
  const links = [
    ...(isCut(run) ? [{ uri: runUri(run.id), name: `the whole output of ${run.id}` }] : []),
    ...(run.source === undefined ? [] : [{ uri: compareUri(run.id), name: `${run.id} beside ${run.source}` }]),
  ];
  return { ...reply(data), links };
}

/** The answer to a call that was refused. */
export const refused = (failure: Failure): Reply => reply(refusal(failure));

/** An envelope twice, as data and as text. */
export const reply = (data: Envelope): Reply => ({
  data,
  text: render(data),
  isError: data.status === null || data.status === "failed" || data.status === "dead",
});
