import { expect, test } from "vitest";
import { openHouse } from "../house.ts";

test("a planned fault meets just the calls it names, also where they are made at once", async () => {
  await using house = await openHouse();
  const items = Array.from({ length: 9 }, (_, i) => `item ${i}`);
  const rehearsal = { faults: [{ agent: "writer", calls: "2-3", code: "refused" as const }] };
  const run = await house.play("fan_out", { task: "t", agent: "writer", items }, { rehearsal });
  const { branches } = run.output as { branches: { status: string }[] };
  const ends = Object.groupBy(branches, ({ status }) => status);
  expect([ends["refused"]?.length, ends["succeeded"]?.length]).toEqual([2, 7]);
  expect(house.vendor.requests).toHaveLength(0);
});
