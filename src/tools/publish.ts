import { z } from "zod";
import type { StartRequest } from "../core/engine.ts";
import { Failure } from "../core/errors.ts";
import { fingerprint } from "../core/fingerprint.ts";
import type { Pattern } from "../core/pattern.ts";
import { answering } from "./answering.ts";
import { checkArguments, cleanArguments } from "./arguments.ts";
import { joinContext } from "./context.ts";
import { foreseen } from "./dry-run.ts";
import { ENVELOPE_SCHEMA } from "./envelope.ts";
import { DEFAULT_WAIT, TAIL_MENU, Tail } from "./tail.ts";
import { type CallContext, type Rooms, type Setting, STARTS, type Tool } from "./tool.ts";
import { watch } from "./watch.ts";
import { inputSchema, lazily } from "./wire.ts";

/** A pattern as a tool: its own input, the common tail, and a run behind every call. */
export function publish(pattern: Pattern, setting: Setting): Tool {
  const { name, title, description } = pattern;
  const own = shapeOf(pattern);
  const all = z.strictObject({ ...own, ...Tail.shape });
  const schema = lazily(() => inputSchema(z.object({ ...own, ...TAIL_MENU.shape })));
  return {
    name,
    title,
    description,
    get inputSchema() {
      return schema();
    },
    get outputSchema() {
      return ENVELOPE_SCHEMA();
    },
    hints: STARTS,
    call: answering(name, setting.log, async (args, context) => {
      const given = cleanArguments(args, setting.limits.input_bytes);
      checkArguments(name, all, given);
      const { tail, rest } = parted(given);
      const input = checkArguments(name, pattern.input, rest);
      const rooms = await setting.open();
      const request = await requestOf(pattern, { input, tail, rest }, rooms, setting, context);
      if (tail.dry_run) return foreseen(await rooms.engine.foresee(request));
      const { run, existed } = await rooms.engine.start(request);
      context.progress?.(`run ${run.id} ${existed ? "found again by its idempotency key" : "started"}`);
      const note = existed ? "this idempotency key already had a run, and here it is" : undefined;
      const said = { ...(note !== undefined && { note }), warnings: rooms.engine.advice(request) };
      return watch(rooms, run, tail.wait_seconds ?? DEFAULT_WAIT, context, said);
    }),
  };
}

/** A pattern's input is one object, or it could have no common tail. */
function shapeOf({ name, input }: Pattern): z.core.$ZodLooseShape {
  if (input instanceof z.ZodObject) return input.shape;
  throw new TypeError(`the input of ${name} must be a zod object`);
}

interface Parted {
  readonly tail: Tail;
  readonly rest: Record<string, unknown>;
}

function parted(given: Readonly<Record<string, unknown>>): Parted {
  const entries = Object.entries(given);
  const isTail = ([key]: [string, unknown]) => Object.hasOwn(Tail.shape, key);
  return {
    tail: Tail.parse(Object.fromEntries(entries.filter(isTail))),
    rest: Object.fromEntries(entries.filter((entry) => !isTail(entry))),
  };
}

interface Wanted extends Parted {
  readonly input: unknown;
}

async function requestOf(
  pattern: Pattern,
  { input, tail, rest }: Wanted,
  { store }: Rooms,
  { folders, limits }: Setting,
  { caller }: CallContext,
): Promise<StartRequest> {
  const sources = { store, caller, folders, most: limits.input_bytes };
  const { context, budget, on_budget, priority, labels, idempotency_key: key, rehearsal } = tail;
  const hash = fingerprint({ ...rest, context, budget, on_budget, rehearsal });
  return {
    pattern,
    ...(await withContext(pattern, input, context ?? [], sources)),
    caller,
    ...(budget && { budget }),
    ...(on_budget && { on_budget }),
    ...(priority !== undefined && { priority }),
    ...(labels && { labels }),
    ...(key !== undefined && { idempotency: { key: `${pattern.name}:${key}`, hash } }),
    ...(rehearsal && { rehearsal: rehearsal === true ? { faults: [] } : rehearsal }),
  };
}

async function withContext(
  { subject }: Pattern,
  input: unknown,
  items: NonNullable<Tail["context"]>,
  sources: Parameters<typeof joinContext>[2],
): Promise<Pick<StartRequest, "input" | "material" | "bodies">> {
  if (items.length === 0) return { input };
  const fields = input as Record<string, unknown>;
  const task = fields[subject];
  if (typeof task !== "string") throw new Failure("INVALID_INPUT", `context needs a \`${subject}\` to be joined to`);
  const { task: whole, ...more } = await joinContext(task, items, sources);
  return { input: { ...fields, [subject]: whole }, ...more };
}
