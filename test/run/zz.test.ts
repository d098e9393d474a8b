import { test } from "vitest";
import { openHouse, eventually } from "../house.ts";
test("x", async () => {
    const limited = { status: 429, headers: { "retry-after": "2" } };
    let commits = 0;
    await using house = await openHouse({
      script: [{ calls: 1, when: {user: "slow"}, reply: {...limited, latency_ms: 1800 }}, { calls: 1, when: {user: "first"}, reply: limited }],
      afterCommit: () => {commits++;},
    });
    const slow = await house.start("run_agent", { task: "slow", agent: "oa/m" });
    await eventually(() => house.vendor.requests.length===1);
    const first = await house.start("run_agent", { task: "first", agent: "oa/m" });
    await house.becomes(first.id, "waiting");
    const others = [];
    for (const task of ["a"]) {
      const { id } = await house.start("run_agent", { task, agent: "oa/m" });
      await house.becomes(id, "waiting");
      others.push(id);
    }
    commits = 0;
    for (const id of [slow.id, first.id, ...others]) await house.ended(id);
    console.error(commits, house.vendor.requests.map(r=>[r.user, Math.round(r.at)]));
    for (const id of others) console.error((await house.store.memory(id)).waits.map(w=>[w.place, w.state, w.opened_at, w.expires_at, w.decided_at]));
});
