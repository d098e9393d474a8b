import { expect, test } from "vitest";
import { cost, step, steps, summary } from "../../src/tools/trace-views.ts";
import { openHouse } from "../house.ts";

test("the trace tells what of the input a vendor remembered, and what it was told to remember", async () => {
  const usage = { input: 3000, cached: 2400, cache_write: 500, output: 1200 };
  await using house = await openHouse({ script: () => ({ text: "fine", usage }) });
  const run = await house.ask("an/m");
  const memory = await house.store.memory(run.id);
  const words = "3,000 tokens in (2,400 cached, 80 %; 500 written to the cache), 1,200 out";
  for (const view of [cost, steps]) expect(view({ run, memory }).text).toContain(words);
  expect(step({ run, memory, step: "an/m" }).text).toContain(words);
  expect(summary({ run, memory }).data).toMatchObject({ cached_tokens: 2400, cache_write_tokens: 500 });
  expect(cost({ run, memory }).data).toMatchObject({
    cached_tokens: 2400,
    by_agent: [{ cached_tokens: 2400, cache_write_tokens: 500 }],
  });
});
