import { SILENT } from "../../src/core/log.ts";
import type { Pattern } from "../../src/core/pattern.ts";
import { hasEnded } from "../../src/core/status.ts";
import type { Attempt, Ending, Memory, Run, RunStore } from "../../src/core/store.ts";
import { Deeds } from "../../src/run/deeds.ts";
import { Guard } from "../../src/run/guard.ts";
import { Play } from "../../src/run/play.ts";
import type { Stage } from "../../src/run/stage.ts";
import { BREAKER, CATALOGUE, deskOf, LIMITS, RETRY } from "./cast.ts";
import type { StepCaps } from "./programs.ts";
import type { Time } from "./time.ts";

/** What is wrong with a run that is over, read from what the store remembers of it. */
export async function faultsOf(
  store: RunStore,
  id: string,
  pattern: Pattern,
  caps: StepCaps,
  time: Time,
): Promise<string[]> {
  const run = await store.get(id);
  if (!run) return [`${id} is gone`];
  const memory = await store.memory(id);
  const faults = [
    ...restFaults(run, memory),
    ...seqFaults(memory),
    ...attemptFaults(memory),
    ...capFaults(memory, caps),
    ...billFaults(run, memory),
    ...(await replayFaults(store, run, memory, pattern, time)),
  ];
  return faults.map((fault) => `${id}: ${fault}`);
}

function restFaults(run: Run, { attempts, waits }: Memory): string[] {
  const faults: string[] = [];
  if (!hasEnded(run.status)) faults.push(`it is ${run.status} at the end`);
  if (run.status === "dead" && run.error?.code !== "CRASH_LOOP") faults.push(`it died of ${JSON.stringify(run.error)}`);
  if (run.held !== 0) faults.push(`it still holds ${run.held}`);
  if (attempts.some(({ state }) => state === "held")) faults.push("a request is still held");
  if (waits.some(({ state }) => state === "open")) faults.push("a wait is still open");
  return faults;
}

function seqFaults({ lines }: Memory): string[] {
  const seqs = lines.map(({ generation, seq }) => `${generation}:${seq}`);
  return new Set(seqs).size === seqs.length ? [] : ["two lines have the same number"];
}

/** No finished call is asked again, and no ladder is climbed twice. */
function attemptFaults({ attempts, lines }: Memory): string[] {
  const places = Map.groupBy(attempts, ({ generation, place }) => `${generation}:${place}`);
  const faults = [...places].flatMap(([place, here]) => ladderFaults(here).map((fault) => `${place} ${fault}`));
  for (const [, asked] of Map.groupBy(attempts, questionOf)) {
    const kept = asked.filter(({ result, generation, place }) =>
      lines.some((line) => result === "ok" && line.place === place && line.generation === generation && !line.dropped),
    );
    const later =
      kept.length > 0 && asked.find(({ generation }) => generation > Math.max(...kept.map((one) => one.generation)));
    if (later) faults.push(`${later.place} was asked again in generation ${later.generation}`);
  }
  for (const attempt of attempts) if (!isChargedRight(attempt)) faults.push(`attempt ${attempt.id} is charged wrong`);
  return faults;
}

function ladderFaults(here: readonly Attempt[]): string[] {
  const sorted = here.toSorted((a, b) => a.id - b.id);
  const done = sorted.findIndex(({ result }) => result === "ok");
  const bad = sorted.filter(({ result, error }) => result === "bad" && error?.code !== "BUDGET_EXCEEDED");
  const rungs = bad.map(({ rung, turn }) => `${rung}.${turn}`);
  const failed = sorted.filter(({ result }) => result === "failed");
  const often = [...Map.groupBy(failed, ({ rung }) => rung).values()].some(({ length }) => length > RETRY.attempts);
  return [
    ...(done >= 0 && done < sorted.length - 1 ? ["was asked again after it had answered"] : []),
    ...(new Set(rungs).size < rungs.length ? ["was asked again at a rung that had answered"] : []),
    ...(often ? ["failed more often than it may"] : []),
  ];
}

const questionOf = ({ place, input }: Attempt): string => `${place} ${JSON.stringify(input)}`;

/** What was in flight at a crash or a cut costs its reserve and is marked, unless its vendor said more later. */
function isChargedRight({ result, estimated, usage, reserve, overrun }: Attempt): boolean {
  if (overrun || usage.usd > reserve.usd) return false;
  if (result !== "lost" && result !== "aborted") return true;
  return !estimated || (usage.usd === reserve.usd && usage.partial === true);
}

function capFaults({ attempts }: Memory, caps: StepCaps): string[] {
  const capped = new Map<string, Attempt[]>();
  for (const attempt of attempts)
    for (const place of around(attempt.place)) capped.set(place, [...(capped.get(place) ?? []), attempt]);
  return [...capped].flatMap(([place, all]) => {
    const here = all.filter(({ cached_answer, usage }) => !cached_answer && usage.calls > 0);
    const cap = caps.get(
      place
        .split("/")
        .at(-1)
        ?.replace(/\.\d+$/, "") ?? "",
    );
    const usd = here.reduce((sum, { usage }) => sum + usage.usd, 0);
    const over = cap && (usd > (cap.usd ?? 1) * 1e9 || here.length > (cap.calls ?? Number.POSITIVE_INFINITY));
    return over ? [`${place} has used ${usd} in ${here.length} calls, and may ${JSON.stringify(cap)}`] : [];
  });
}

/** A place and all that it lies in. */
const around = (place: string): string[] => place.split("/").map((_, i, names) => names.slice(0, i + 1).join("/"));

function billFaults({ usage }: Run, { attempts }: Memory): string[] {
  const sum = attempts.reduce((usd, attempt) => usd + attempt.usage.usd, 0);
  return sum === usage.usd ? [] : [`its requests cost ${sum}, and it says ${usage.usd}`];
}

/** Played from memory with the gate shut it tells the same, and nothing fresh is asked. */
async function replayFaults(
  store: RunStore,
  run: Run,
  memory: Memory,
  pattern: Pattern,
  time: Time,
): Promise<string[]> {
  if (run.status === "cancelled" || run.status === "dead") return [];
  const kept = { ...memory, lines: memory.lines.filter(({ dropped }) => !dropped) };
  const clock = time.clockOf("judge", () => true);
  const guard = new Guard({
    provider: () => undefined,
    limits: LIMITS,
    breaker: BREAKER,
    longest_pause_ms: 0,
    clock,
    log: SILENT,
  });
  const stage: Stage = {
    store,
    desk: deskOf(new Map()),
    guard,
    clock,
    log: SILENT,
    cache: undefined,
    cacheSeconds: undefined,
    deeds: new Deeds([], {}, 4),
    patterns: new Map([[pattern.name, pattern]]),
    daily: { caller: {}, day: {}, explicit: true },
    maxUsd: () => undefined,
    secrets: "redact",
    random: () => 0.5,
    pour: () => {},
    poured: () => 0,
    over: () => {},
  };
  let ending: Ending | undefined;
  const catalogue = (await store.catalogue(run.catalogue)) ?? CATALOGUE;
  void new Play(stage, { run, catalogue, memory: kept }, pattern).replay().then((told) => {
    ending = told;
  });
  await time.settle();
  if (!ending) return ["its replay does not end"];
  const told = { status: ending.status, output: ending.output, error: ending.error, degraded: ending.degraded };
  const was = { status: run.status, output: run.output, error: run.error, degraded: run.degraded };
  const parts = ["status", "output", "error", "degraded"] as const;
  const other = parts.filter((part) => JSON.stringify(told[part]) !== JSON.stringify(was[part]));
  return other.map(
    (part) => `its replay tells ${part} ${JSON.stringify(told[part])} and not ${JSON.stringify(was[part])}`,
  );
}
