import type { CallToolResult } from "@modelcontextprotocol/client";

type Block = CallToolResult["content"][number];

/** What a tool answered, as a text for a model. What is no text is described. */
export function textOf({ content, structuredContent }: Pick<CallToolResult, "content" | "structuredContent">): string {
  const text = content
    .map(blockText)
    .filter((part) => part !== "")
    .join("\n\n");
  if (text !== "" || structuredContent === undefined) return text;
  return JSON.stringify(structuredContent, null, 2);
}

function blockText(block: Block): string {
  switch (block.type) {
    case "text":
      return block.text;
    case "image":
    case "audio":
      return notShown(block.mimeType, block.data);
    case "resource_link":
      return `[${block.name}](${block.uri})${block.description ? `: ${block.description}` : ""}`;
    case "resource":
      return "text" in block.resource
        ? `[${block.resource.uri}]\n${block.resource.text}`
        : `[${block.resource.uri}] ${notShown(block.resource.mimeType, block.resource.blob)}`;
    default:
      return "[something that cannot be shown]";
  }
}

const notShown = (type = "unknown type", base64 = ""): string =>
  `[${type}, ${sizeText(Math.floor((base64.length * 3) / 4))}, not shown]`;

/** "12 bytes", "34 KB", "5.1 MB". */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} KB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
