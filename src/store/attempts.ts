import { type Amount, decide, type Refused } from "../core/budget.ts";
import { isUnder } from "../core/place.ts";
import type { AttemptResult, Fence, Hold, Room, Settle, Written } from "../core/store.ts";
import type { Usage } from "../core/usage.ts";
import { type Books, nodesOf } from "./books.ts";
import { breakersOf, full, takeTurn, tryOut } from "./lanes.ts";
import { bit, first, flag, int, type Row, sql, type Tx, text } from "./statement.ts";
import { keep, keepInput } from "./texts.ts";
import { usageOf } from "./words.ts";

type Verdict =
  | Extract<Written, { readonly did: "held" | "wait" | "full" | "shut" | "tried" }>
  | (Refused & { readonly did: "refused" });

/** Writes down a request and holds its money in the run and all nodes above it, or does neither. */
export function* hold(fence: Fence, run: Row, { attempt, ...wish }: Hold, books: Books, now: number): Tx<Verdict> {
  if (attempt.cached_answer) {
    yield* insert(fence, attempt, [], { usd: 0, tokens: 0, calls: 0 }, wish.ask.output, false, now);
    return { did: "held", output: wish.ask.output, usd: 0, tokens: 0, clamped: false };
  }
  const way = wish.room ? yield* wayTo(attempt, wish.room, now) : FREE;
  if ("did" in way) return (yield* heldBefore(fence, attempt.id)) ?? way;
  const above = [];
  for (const node of wish.nodes.toSorted(byId)) above.push(yield* books.ledgerOf(node));
  const verdict = decide([{ ...books.ledgerOfRun(run), aside: wish.aside }, ...above, ...wish.steps], wish.ask);
  if (verdict.verdict === "wait") return (yield* heldBefore(fence, attempt.id)) ?? { did: "wait" };
  if (verdict.verdict === "refused") return (yield* heldBefore(fence, attempt.id)) ?? { ...verdict, did: "refused" };
  const { output, reserve, clamped } = verdict;
  const nodes = above.map(({ id }) => id);
  const isNew = yield* insert(fence, attempt, nodes, reserve, output, clamped, now);
  const before = isNew ? undefined : yield* heldBefore(fence, attempt.id);
  if (before) return before;
  if (wish.room) yield* takeTurn(wish.room, now);
  yield* tryOut(way.tries, fence.run, attempt.id);
  books.hold(nodes, reserve);
  const { usd, tokens } = reserve;
  return { did: "held", output, usd, tokens, clamped, ...(way.tries.length > 0 && { tries: way.tries }) };
}

const FREE = { tries: [] };

/** Whether a request may leave for its provider now, as all processes together see it. */
function* wayTo({ model }: Hold["attempt"], room: Room, now: number) {
  const barred = room.most === undefined ? FREE : yield* breakersOf([room.provider, model], now);
  return "did" in barred ? barred : ((yield* full(room, now)) ?? barred);
}

const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1);

/** The same hold again, because nobody could say whether its commit had succeeded. */
function* heldBefore({ run, epoch }: Fence, id: number): Tx<Verdict | undefined> {
  const known = yield* first(sql("select * from attempts where run = $1 and id = $2", run, id));
  if (!known) return undefined;
  if (int(known, "epoch") !== epoch) throw new Error(`attempt ${int(known, "id")} of ${run} is an earlier player's`);
  return {
    did: "held",
    output: int(known, "max_output_tokens"),
    usd: int(known, "reserve_usd"),
    tokens: int(known, "reserve_tokens"),
    clamped: flag(known, "clamped"),
  };
}

function* insert(
  { run, epoch }: Fence,
  attempt: Hold["attempt"],
  nodes: readonly string[],
  reserve: Amount,
  output: number,
  clamped: boolean,
  now: number,
): Tx<boolean> {
  const tag = attempt.agent.lastIndexOf("@");
  const inserted = yield sql(
    `insert into attempts (run, id, generation, place, epoch, rung, turn, agent, agent_version, model, state,
       reserve_usd, reserve_tokens, max_output_tokens, clamped, cached_answer, nodes, asked, shape_version, at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'held', $11, $12, $13, $14, $15, $16, $17, $18, $19)
     on conflict (run, id) do nothing returning id`,
    run,
    attempt.id,
    attempt.generation,
    attempt.place,
    epoch,
    attempt.rung,
    attempt.turn,
    tag > 0 ? attempt.agent.slice(0, tag) : attempt.agent,
    tag > 0 ? attempt.agent.slice(tag + 1) : null,
    attempt.model,
    reserve.usd,
    reserve.tokens,
    output,
    bit(clamped),
    bit(attempt.cached_answer),
    JSON.stringify(nodes),
    yield* keepInput(attempt.input, now),
    attempt.input.shape_version ?? null,
    attempt.at,
  );
  return inserted.length > 0;
}

/** Ends a held request with its bill. One that others have settled meanwhile gets its bill corrected, and no answer. */
export function* settle(run: string, done: Settle, books: Books, now: number): Tx<void> {
  const { usage } = done;
  const [settled] = yield sql(
    `update attempts set state = 'settled', result = $3, estimated = $4, error = $5, error_kind = $6, reply = $7,
       mode = $8, first_ms = $9, ms = $10, usd = $11, input_tokens = $12, cached_tokens = $13,
       cache_write_tokens = $14, output_tokens = $15, reasoning_tokens = $16, calls = $17, partial = $18, uses = $19,
       overrun = case when $11 > reserve_usd then 1 else 0 end
     where run = $1 and id = $2 and state = 'held'
     returning nodes, reserve_usd, reserve_tokens, cached_answer`,
    run,
    done.id,
    done.result,
    bit(done.estimated),
    yield* keep(done.error, now),
    done.error?.kind ?? null,
    yield* keep(done.reply, now),
    done.mode ?? null,
    done.first_ms ?? null,
    done.ms,
    ...usageCells(usage),
    yield* keep(done.uses, now),
  );
  if (settled) books.settle(nodesOf(settled), reserveOf(settled), usage);
  else if (!done.estimated) yield* correct(run, done.id, usage, books);
}

const usageCells = (usage: Usage): number[] => [
  usage.usd,
  usage.input,
  usage.cached,
  usage.cache_write,
  usage.output,
  usage.reasoning,
  usage.calls,
  bit(usage.partial),
];

/** What a request of this row holds, while it is held. */
const reserveOf = (row: Row): Amount =>
  flag(row, "cached_answer")
    ? { usd: 0, tokens: 0, calls: 0 }
    : { usd: int(row, "reserve_usd"), tokens: int(row, "reserve_tokens"), calls: 1 };

/** Puts the provider's figure in the place of a reserve that was charged, once. Returns whether it did. */
export function* correct(run: string, id: number, usage: Usage, books: Books): Tx<boolean> {
  const old = yield* first(
    sql(
      `select * from attempts where run = $1 and id = $2 and state = 'settled' and estimated = 1
         and result in ('lost', 'aborted') /*pg: for update*/`,
      run,
      id,
    ),
  );
  if (!old) return false;
  yield sql(
    `update attempts set corrected = 1, estimated = 0, usd = $3, input_tokens = $4, cached_tokens = $5,
       cache_write_tokens = $6, output_tokens = $7, reasoning_tokens = $8, calls = $9, partial = $10,
       overrun = case when $3 > reserve_usd then 1 else 0 end
     where run = $1 and id = $2`,
    run,
    id,
    ...usageCells(usage),
  );
  books.replace(nodesOf(old), usageOf(old), usage);
  return true;
}

/** Charges the held requests under these places at their reserve, since nobody will say what they used. */
export function* settleAtReserve(
  run: string,
  under: readonly string[],
  result: AttemptResult,
  books: Books,
  now: number,
): Tx<void> {
  const held = yield sql("select * from attempts where run = $1 and state = 'held'", run);
  for (const row of held) {
    if (!under.some((place) => isUnder(text(row, "place"), place))) continue;
    const usage = worstUsage(row);
    const ms = Math.max(0, now - int(row, "at"));
    yield* settle(run, { id: int(row, "id"), result, usage, estimated: !flag(row, "cached_answer"), ms }, books, now);
  }
}

function worstUsage(row: Row): Usage {
  const none = { usd: 0, input: 0, cached: 0, cache_write: 0, output: 0, reasoning: 0, calls: 0 };
  if (flag(row, "cached_answer")) return none;
  const output = int(row, "max_output_tokens");
  return {
    ...none,
    usd: int(row, "reserve_usd"),
    input: int(row, "reserve_tokens") - output,
    output,
    calls: 1,
    partial: true,
  };
}

/** Everywhere in a run. */
export const EVERYWHERE: readonly string[] = [""];
