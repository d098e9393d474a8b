import type { McpServer } from "@modelcontextprotocol/server";
import { fromJsonSchema, ResourceTemplate } from "@modelcontextprotocol/server";
import { z } from "zod";

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
const WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=";

const text = (words: string) => ({ type: "text" as const, text: words });
const image = { type: "image" as const, data: PNG, mimeType: "image/png" };
const embedded = (uri: string, words: string) => ({
  type: "resource" as const,
  resource: { uri, mimeType: "text/plain", text: words },
});

/** The tools, resources and prompts that the conformance suite reads without asking back. */
export function addContents(server: McpServer): void {
  addTools(server);
  addResources(server);
  addPrompts(server);
}

function addTools(server: McpServer): void {
  const told = {
    test_simple_text: [text("This is a simple text response for testing.")],
    test_image_content: [image],
    test_audio_content: [{ type: "audio" as const, data: WAV, mimeType: "audio/wav" }],
    test_embedded_resource: [embedded("test://embedded-resource", "This is an embedded resource content.")],
    test_multiple_content_types: [text("Several:"), image, embedded("test://mixed-content-resource", "{}")],
    test_streaming_elicitation: [text("no request of the server's own")],
  };
  for (const [name, content] of Object.entries(told))
    server.registerTool(name, { description: name }, async () => ({ content }));
  server.registerTool("test_error_handling", { description: "fails" }, async () => {
    throw new Error("This tool intentionally returns an error for testing");
  });
  server.registerTool(
    "test_tool_with_logging",
    { description: "logs", inputSchema: z.object({}) },
    async (_, { mcpReq }) => {
      for (const data of ["Tool execution started", "Tool processing data", "Tool execution completed"])
        await mcpReq.notify({ method: "notifications/message", params: { level: "info", data } });
      return { content: [text("logged")] };
    },
  );
  server.registerTool(
    "test_logging_tool",
    { description: "logs where asked to", inputSchema: z.object({}) },
    async (_, { mcpReq }) => {
      await mcpReq.log("info", "only for those who set a level");
      return { content: [text("logged")] };
    },
  );
  server.registerTool(
    "test_tool_with_progress",
    { description: "tells how far it is", inputSchema: z.object({}) },
    async (_, { mcpReq }) => {
      const progressToken = mcpReq._meta?.progressToken;
      for (const progress of progressToken === undefined ? [] : [0, 50, 100])
        await mcpReq.notify({
          method: "notifications/progress",
          params: { progressToken, progress, total: 100, message: `at ${progress}` },
        });
      return { content: [text(String(progressToken))] };
    },
  );
  server.registerTool(
    "json_schema_2020_12_tool",
    {
      description: "keeps its schema as written",
      inputSchema: fromJsonSchema({
        $schema: "https://json-schema.org/draft/2020-12/schema",
        type: "object",
        $defs: { address: { $anchor: "addressDef", type: "object", properties: { street: { type: "string" } } } },
        properties: { name: { type: "string" }, address: { $ref: "#/$defs/address" } },
        additionalProperties: false,
      }),
    },
    async (args) => ({ content: [text(JSON.stringify(args))] }),
  );
}

function addResources(server: McpServer): void {
  const plain = (name: string, uri: string, words: string) =>
    server.registerResource(name, uri, { description: name, mimeType: "text/plain" }, async () => ({
      contents: [{ uri, mimeType: "text/plain", text: words }],
    }));
  plain("static-text", "test://static-text", "This is the content of the static text resource.");
  plain("watched-resource", "test://watched-resource", "Watched resource content");
  server.registerResource("static-binary", "test://static-binary", { mimeType: "image/png" }, async () => ({
    contents: [{ uri: "test://static-binary", mimeType: "image/png", blob: PNG }],
  }));
  const template = new ResourceTemplate("test://template/{id}/data", { list: undefined });
  server.registerResource("template", template, { mimeType: "application/json" }, async (uri, { id }) => ({
    contents: [{ uri: uri.href, mimeType: "application/json", text: JSON.stringify({ id, templateTest: true }) }],
  }));
}

function addPrompts(server: McpServer): void {
  const user = <C>(content: C) => ({ role: "user" as const, content });
  server.registerPrompt("test_simple_prompt", { description: "a simple prompt" }, async () => ({
    messages: [user(text("This is a simple prompt for testing."))],
  }));
  server.registerPrompt(
    "test_prompt_with_arguments",
    { description: "a prompt with arguments", argsSchema: z.object({ arg1: z.string(), arg2: z.string() }) },
    async ({ arg1, arg2 }) => ({
      messages: [user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))],
    }),
  );
  server.registerPrompt(
    "test_prompt_with_embedded_resource",
    { description: "a prompt that holds a resource", argsSchema: z.object({ resourceUri: z.string() }) },
    async ({ resourceUri }) => ({
      messages: [user(embedded(resourceUri, "Embedded resource content for testing.")), user(text("Read it."))],
    }),
  );
  server.registerPrompt("test_prompt_with_image", { description: "a prompt that holds an image" }, async () => ({
    messages: [user(image), user(text("Look at it."))],
  }));
}
