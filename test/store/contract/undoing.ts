import { describe, expect, test } from "vitest";
import type { Fence, RunStore, Write } from "../../../src/core/store.ts";
import type { Undoing } from "../../../src/core/undoing.ts";
import type { OpenStore } from "../contract.ts";
import { end, event, line, newRun, played, ROOM } from "../kit.ts";

/** What a player writes of a deed: its claim, and what came of it. */
function did(place: string, seq: number, more: object = {}): Write[] {
  const claimed = { does: "http", input: { to: place }, key: `key ${place}` };
  const compensate = { does: "http", input: { back: place } };
  const told = { kind: "choice", print: place } as const;
  return [
    line(seq, { ...told, place: `${place}/~claim`, value: { ...claimed, compensate, ...more } }),
    line(seq + 1, { ...told, place, value: "done" }),
  ];
}

const PLAY = [{ name: "compensate", version: 1 }];

const stepsOf = (input: unknown) => (input as Undoing).steps;

/** Plays a run that takes deeds back: so many of them, and then its end. */
async function takenBack(store: RunStore, id: string, steps: readonly string[], ending: Write): Promise<void> {
  const claimed = await store.claim("w_2", ["server:files"], PLAY);
  expect(claimed?.run.id).toBe(id);
  const deeds = stepsOf(claimed?.run.input).filter(({ step }) => steps.includes(step));
  const told = deeds.flatMap(({ step, key }, i) => did(step, 2 * i + 1, { key, compensate: undefined }));
  await store.write({ run: id, epoch: claimed?.run.epoch ?? 0 }, [...told, ending]);
}

export function undoingContract(open: OpenStore): void {
  const begun = async (store: RunStore, ending: Write): Promise<Fence> => {
    const needs = ["provider:stub", "server:files"];
    const { run } = await store.create(newRun({ needs, labels: ["mine"] }), ROOM);
    const claimed = await store.claim("w_1", needs, [{ name: run.pattern, version: 1 }]);
    const fence = { run: run.id, epoch: claimed?.run.epoch ?? 0 };
    await store.write(fence, [...did("a", 1), ...did("b", 3), ...did("mail", 5, { compensate: undefined }), ending]);
    return fence;
  };

  describe("what a run did", () => {
    test("is to be taken back by another run in the same moment in which it ends as dead, the last first", async () => {
      const { store, other } = await open();
      const { run } = await begun(store, end("dead"));
      const [undoing, more] = await other.undoings(run);
      expect(more).toBeUndefined();
      expect(undoing).toMatchObject({
        ...{
          status: "queued",
          pattern: "compensate",
          pattern_version: 1,
          undoes: run,
          caller: "local",
          labels: ["mine"],
        },
        needs: ["server:files"],
        caps: { explicit: false },
        input: {
          ...{ run, generation: 1, ask: false },
          steps: [
            { step: "b", does: "http", input: { to: "b" }, gave: { value: "done" } },
            { step: "a", does: "http", input: { to: "a" }, gave: { value: "done" } },
          ],
        },
      });
      expect((await store.get(run))?.degraded).toEqual([expect.stringContaining(undoing?.id ?? "?")]);
      expect(await store.undoable(run)).toMatchObject({ stays: ["mail"], undone: [] });
    });

    test("and ended otherwise is taken back when that is asked for, once", async () => {
      const { store, other } = await open();
      const { run } = await begun(store, end("failed"));
      expect(await store.undoings(run)).toEqual([]);
      const first = await store.compensate(run, { ask: true });
      expect(first).toMatchObject({ existed: false, run: { status: "queued", input: { ask: true } } });
      expect(await other.compensate(run, { ask: false })).toMatchObject({ existed: true, run: { id: first.run.id } });
      await takenBack(store, first.run.id, ["a", "b"], end("succeeded", { output: { taken_back: ["b", "a"] } }));
      expect(await store.compensate(run, { ask: false })).toMatchObject({
        existed: true,
        run: { status: "succeeded" },
      });
      expect((await store.get(run))?.degraded).toEqual(["what it did was taken back: b, a"]);
      expect(await store.undoable(run)).toMatchObject({ steps: [], undone: ["b", "a"] });
    });

    test("and was not all taken back goes on where that failed, and is left to another where it was cancelled", async () => {
      const { store } = await open();
      const { run } = await begun(store, end("failed"));
      const { run: first } = await store.compensate(run, { ask: false });
      await takenBack(store, first.id, ["b"], end("failed"));
      expect(await store.compensate(run, { ask: false })).toMatchObject({
        run: { id: first.id, status: "queued", generation: 2 },
      });
      await store.cancel(first.id);
      const { run: second } = await store.compensate(run, { ask: false });
      expect(second.id).not.toBe(first.id);
      expect(stepsOf(second.input).map(({ step }) => step)).toEqual(["a"]);
    });

    test("is dropped where the run is tried again; not while it is being taken back, nor the other way round", async () => {
      const { store } = await open();
      const { run } = await begun(store, end("dead"));
      const [undoing] = await store.undoings(run);
      await expect(store.again(run, "dead")).rejects.toMatchObject({ code: "ILLEGAL_CHANGE" });
      await takenBack(store, undoing?.id ?? "", ["b"], end("failed"));
      expect(await store.again(run, "dead")).toMatchObject({ status: "queued", degraded: [], redone: { b: 1 } });
      const kept = (await store.memory(run)).lines.filter(({ dropped }) => !dropped).map(({ place }) => place);
      expect(kept).toEqual(["a/~claim", "a", "mail/~claim", "mail"]);
      await expect(store.again(undoing?.id ?? "", "failed")).rejects.toMatchObject({ code: "ILLEGAL_CHANGE" });
      await expect(store.compensate(run, { ask: false })).rejects.toMatchObject({ code: "ILLEGAL_CHANGE" });
    });

    test("is nobody's to take back before it has ended, where there is nothing, and of what takes back itself", async () => {
      const { store } = await open();
      const { run: queued } = await store.create(newRun(), ROOM);
      const plain = await played(store);
      await store.write(plain, [line(1), end("dead")]);
      expect(await store.undoings(plain.run)).toEqual([]);
      const { run } = await begun(store, end("dead"));
      const [undoing] = await store.undoings(run);
      await takenBack(store, undoing?.id ?? "", [], end("failed"));
      for (const id of [queued.id, plain.run, undoing?.id ?? ""])
        await expect(store.compensate(id, { ask: false }), id).rejects.toMatchObject({ code: "ILLEGAL_CHANGE" });
    });

    test("and its taking back are told to no subscription that has led to it", async () => {
      const { store } = await open([{ name: "loop", on: { type: "run.*" }, run: "gone" }]);
      const { event: cause } = await store.publish(event("1", { type: "run.pretended" }), "local");
      const fence = await played(store, { idempotency: { key: `event/${cause.number}/loop`, hash: "h" } });
      await store.write(fence, [...did("a", 1), end("dead")]);
      const [undoing] = await store.undoings(fence.run);
      await takenBack(store, undoing?.id ?? "", ["a"], end("succeeded", { output: { taken_back: ["a"] } }));
      const told = (await store.deliveries({ limit: 10 })).map(({ event: { type } }) => type);
      expect(told).toEqual(["run.pretended"]);
    });
  });
}
