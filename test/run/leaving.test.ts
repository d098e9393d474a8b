import { afterEach, beforeEach, expect, test } from "vitest";
import { stepRecords } from "../../src/core/record.ts";
import { patternOf, Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.open();
});
afterEach(() => scene.close());

const KEY = "sk-live-abcdefghijklmnop1234";
const asks = (prompt: string) => patternOf("asks", async (ctx) => (await ctx.call("ann", { prompt })).output);

test("a key is taken out of what goes to a vendor, and the trace marks it", async () => {
  const id = await scene.start(asks(`Deploy with ${KEY} and AKIAABCDEFGHIJKLMNOP.`));
  await scene.serve();
  await scene.ended(id);
  const sent = JSON.stringify(scene.asked[0]?.request);
  expect(sent).not.toContain(KEY);
  expect(sent).not.toContain("AKIAABCDEFGHIJKLMNOP");
  const [record] = stepRecords(await scene.store.memory(id));
  expect(record?.marks).toContain("secrets taken out");
  expect(await scene.faults(id)).toEqual([]);
});

test("a text without a key goes as it is, also where it speaks of passwords", async () => {
  const prompt = 'const password = "hunter2"; // what is wrong here?';
  const id = await scene.start(asks(prompt));
  await scene.serve();
  await scene.ended(id);
  expect(scene.asked[0]?.prompt).toBe(prompt);
});

test("where nothing is to leave, a text with a key is not sent, and says why", async () => {
  scene.secrets = "refuse";
  const id = await scene.start(asks(`Use ${KEY}`));
  await scene.serve();
  const run = await scene.ended(id);
  expect(run.error).toMatchObject({ code: "FORBIDDEN" });
  expect(run.error?.hint).toContain("secrets");
  expect(scene.asked).toHaveLength(0);
});
