import type { McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";

const text = (words: string) => ({ content: [{ type: "text" as const, text: words }] });

const DEFAULTS = {
  name: { type: "string", default: "John Doe" },
  age: { type: "integer", default: 30 },
  score: { type: "number", default: 95.5 },
  status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
  verified: { type: "boolean", default: true },
};

const titled = (...titles: string[]) => titles.map((title, i) => ({ const: `value${i + 1}`, title }));
const OPTIONS = ["option1", "option2", "option3"];

const ENUMS = {
  untitledSingle: { type: "string", enum: OPTIONS },
  titledSingle: { type: "string", oneOf: titled("First Option", "Second Option", "Third Option") },
  legacyEnum: {
    type: "string",
    enum: ["opt1", "opt2", "opt3"],
    enumNames: ["Option One", "Option Two", "Option Three"],
  },
  untitledMulti: { type: "array", items: { type: "string", enum: OPTIONS } },
  titledMulti: { type: "array", items: { anyOf: titled("First Choice", "Second Choice", "Third Choice") } },
};

/** The tools that ask a client of the 2025 protocol back while they are called. */
export function addPushes(server: McpServer): void {
  const asking = (name: string, properties: object, required: string[] = []) =>
    server.registerTool(
      name,
      { description: name, inputSchema: z.object({ message: z.string().optional() }) },
      async ({ message = "Please fill in" }, { mcpReq }) => {
        const params = { message, requestedSchema: { type: "object", properties, required } };
        const { action, content } = await mcpReq.send({ method: "elicitation/create", params });
        return text(`action=${action}, content=${JSON.stringify(content ?? {})}`);
      },
    );
  asking("test_elicitation", { response: { type: "string" } }, ["response"]);
  asking("test_elicitation_sep1034_defaults", DEFAULTS);
  asking("test_elicitation_sep1330_enums", ENUMS);
  server.registerTool(
    "test_sampling",
    { description: "asks the client's model", inputSchema: z.object({ prompt: z.string() }) },
    async ({ prompt }, { mcpReq }) => {
      const messages = [{ role: "user", content: { type: "text", text: prompt } }];
      const answer = await mcpReq.send({ method: "sampling/createMessage", params: { messages, maxTokens: 100 } });
      return text(`LLM response: ${JSON.stringify(answer.content)}`);
    },
  );
  const { server: low } = server;
  low.setRequestHandler("resources/subscribe", async () => ({}));
  low.setRequestHandler("resources/unsubscribe", async () => ({}));
  low.setRequestHandler("logging/setLevel", async () => ({}));
  low.setRequestHandler("completion/complete", async () => ({ completion: { values: [] } }));
}
