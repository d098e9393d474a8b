import type { AgentSpec } from "../../core/agent.ts";
import type { Piece } from "./kit.ts";

/** The deed that reads and writes what is remembered beyond runs. */
export const REMEMBERS = "memory";

export type MemoryOp = "read" | "search" | "write";

/** The tools by which an agent reads and writes what is remembered beyond its run. */
export function memoryTools({ memory }: AgentSpec): Piece[] {
  if (!memory) return [];
  const key = { type: "string", minLength: 1, maxLength: 100 };
  const tool = (op: MemoryOp, description: string, properties: object, required: readonly string[]): Piece => [
    {
      name: `memory_${op}`,
      description,
      input: { type: "object", properties, required, additionalProperties: false },
    },
    { is: "memory", op },
  ];
  const reads = `You may read: ${memory.read.join(", ")}.`;
  const limit = { type: "integer", minimum: 1, maximum: 50 };
  return [
    ...(memory.read.length > 0
      ? [
          tool("read", `Reads what earlier runs have remembered under a key. ${reads}`, { key }, ["key"]),
          tool(
            "search",
            `Looks for words in what earlier runs have remembered. ${reads}`,
            { query: { type: "string" }, limit },
            ["query"],
          ),
        ]
      : []),
    ...(memory.write.length > 0
      ? [
          tool(
            "write",
            `Remembers something for later runs; what was there before stays as an older version. You may write: ${memory.write.join(", ")}.`,
            { key, value: {}, ttl_days: { type: "number", exclusiveMinimum: 0 } },
            ["key", "value"],
          ),
        ]
      : []),
  ];
}
