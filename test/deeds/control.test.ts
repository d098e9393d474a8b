import { describe, expect, test } from "vitest";
import { openHouse } from "../house.ts";

const watcher = (action: string) => ({
  definition: {
    inputs: { run: { type: "string" } },
    nodes: { act: { control: { run: "{{ inputs.run }}", action } } },
  },
});

describe("a workflow that controls another run", () => {
  test("retries what failed, and says what it is now; doing it twice changes nothing", async () => {
    let isDown = true;
    await using house = await openHouse({
      script: () => (isDown ? { status: 400, body: { error: { message: "no" } } } : { text: "fine" }),
    });
    const failed = await house.play("run_agent", { agent: "oa/m", task: "t" });
    expect(failed.status).toBe("failed");
    isDown = false;
    const act = await house.play("run_workflow", { ...watcher("retry"), inputs: { run: failed.id } });
    expect(act.output).toMatchObject({ run: failed.id, changed: true });
    expect(await house.ended(failed.id)).toMatchObject({ status: "succeeded", output: "fine" });
    const again = await house.play("run_workflow", { ...watcher("cancel"), inputs: { run: failed.id } });
    expect(again.output).toMatchObject({ status: "succeeded", changed: false });
  });

  test("reaches nobody else's runs, and not itself", async () => {
    await using house = await openHouse({ script: () => ({ text: "fine" }) });
    const wrong = await house.play("run_workflow", { ...watcher("cancel"), inputs: { run: "r_none" } });
    expect(wrong).toMatchObject({ status: "failed", error: { code: "NOT_FOUND" } });
  });
});
