import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test, vi } from "vitest";
import { openHouse } from "../house.ts";

test("a run that fails for good is told to the webhook of the settings", async () => {
  const told: string[] = [];
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    told.push(Buffer.concat(pieces).toString());
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await using house = await openHouse({
    script: () => ({ status: 401 }),
    settings: { alerts: { webhooks: [{ url, on: ["run.failed"] }] } },
  });
  const run = await house.play("run_agent", { agent: "oa/a", task: "t" });
  expect(run).toMatchObject({ status: "failed", error: { kind: "permanent" } });
  await vi.waitFor(() => expect(told).toHaveLength(1), { timeout: 10_000, interval: 20 });
  expect(JSON.parse(told[0] ?? "")).toMatchObject({ type: "run.failed", subject: run.id });
  server.close();
});
