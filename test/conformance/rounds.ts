import { randomBytes, randomUUID } from "node:crypto";
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  createRequestStateCodec,
  type InputRequests,
  inputRequired,
  type McpServer,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { z } from "zod";

/** Seals what travels through the client between two rounds. */
export const codec = createRequestStateCodec<Record<string, unknown>>({ key: randomBytes(32) });

type Context = ServerContext["mcpReq"];
type Asked = InputRequests[string];

const done = (words: string) => ({ content: [{ type: "text" as const, text: words }] });

const ask = (name: string, type = "string"): Asked =>
  inputRequired.elicit({
    message: `Please give ${name}`,
    requestedSchema: { type: "object", properties: { [name]: { type: type as "string" } }, required: [name] },
  });

const sample = (words: string): Asked =>
  inputRequired.createMessage({ messages: [{ role: "user", content: { type: "text", text: words } }], maxTokens: 50 });

const answer = <T>(req: Context, key: string): T | undefined => req.inputResponses?.[key] as T | undefined;
const given = (req: Context, key: string, name: string): unknown =>
  acceptedContent<Record<string, unknown>>(req.inputResponses, key)?.[name];

type Round = (req: Context) => Promise<ReturnType<typeof done> | ReturnType<typeof inputRequired>>;

const ROUNDS: Record<string, Round> = {
  async test_input_required_result_elicitation(req) {
    const name = given(req, "user_name", "name");
    if (typeof name !== "string") return inputRequired({ inputRequests: { user_name: ask("name") } });
    return done(`Hello, ${name}!`);
  },
  async test_input_required_result_sampling(req) {
    const said = answer<{ content?: { text?: string } }>(req, "capital_question");
    if (!said) return inputRequired({ inputRequests: { capital_question: sample("What is the capital of France?") } });
    return done(`The model said: ${said.content?.text}`);
  },
  async test_input_required_result_list_roots(req) {
    const roots = answer<{ roots?: unknown[] }>(req, "client_roots")?.roots;
    if (!roots) return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
    return done(`${roots.length} roots: ${JSON.stringify(roots)}`);
  },
  async test_input_required_result_request_state(req) {
    if (given(req, "confirm", "ok") === undefined || req.requestState() === undefined) return confirming();
    return done("state-ok");
  },
  async test_input_required_result_tampered_state(req) {
    if (given(req, "confirm", "ok") === undefined || req.requestState() === undefined) return confirming();
    return done("integrity-ok");
  },
  async test_input_required_result_multiple_inputs(req) {
    const name = given(req, "user_name", "name");
    const greeting = answer<{ content?: { text?: string } }>(req, "greeting")?.content?.text;
    const roots = answer<{ roots?: unknown[] }>(req, "client_roots")?.roots;
    if (typeof name === "string" && greeting && roots) return done(`${greeting} ${name}, ${roots.length} roots`);
    const inputRequests = {
      user_name: ask("name"),
      greeting: sample("Generate a greeting"),
      client_roots: inputRequired.listRoots(),
    };
    return inputRequired({ inputRequests, requestState: await codec.mint({ nonce: randomUUID() }) });
  },
  async test_input_required_result_multi_round(req) {
    const { round = 0, name } = req.requestState<{ round?: number; name?: string }>() ?? {};
    if (round === 2) return done(`${name} likes ${given(req, "step2", "color")}`);
    const [key, asked] = round === 0 ? ["step1", ask("name")] : ["step2", ask("color")];
    const kept = { round: round + 1, name: given(req, "step1", "name"), nonce: randomUUID() };
    return inputRequired({ inputRequests: { [key as string]: asked as Asked }, requestState: await codec.mint(kept) });
  },
  async test_input_required_result_capabilities(req) {
    if (req.inputResponses) return done("fulfilled");
    const can = (req.envelope as Record<string, ClientCapabilities> | undefined)?.[CLIENT_CAPABILITIES_META_KEY];
    const inputRequests: InputRequests = {
      ...(can?.elicitation && { user_name: ask("name") }),
      ...(can?.sampling && { greeting: sample("Generate a greeting") }),
      ...(can?.roots && { client_roots: inputRequired.listRoots() }),
    };
    return Object.keys(inputRequests).length > 0 ? inputRequired({ inputRequests }) : done("nothing can be asked");
  },
  async test_missing_capability(req) {
    if (answer(req, "llm_answer")) return done("answered");
    return inputRequired({ inputRequests: { llm_answer: sample("Say pong") } });
  },
};

async function confirming() {
  const requestState = await codec.mint({ nonce: randomUUID() });
  return inputRequired({ inputRequests: { confirm: ask("ok", "boolean") }, requestState });
}

/** The tools and the prompt that ask a client of the 2026 protocol back, in rounds. */
export function addRounds(server: McpServer): void {
  for (const [name, round] of Object.entries(ROUNDS))
    server.registerTool(name, { description: name, inputSchema: z.object({}) }, async (_, { mcpReq }) => round(mcpReq));
  server.registerPrompt(
    "test_input_required_result_prompt",
    { description: "asks before it renders" },
    async (context) => {
      const told = given((context as unknown as ServerContext).mcpReq, "user_context", "context");
      if (typeof told !== "string") return inputRequired({ inputRequests: { user_context: ask("context") } });
      return { messages: [{ role: "user", content: { type: "text", text: `Use this: ${told}` } }] };
    },
  );
}
