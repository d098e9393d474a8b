import type { ContentBlockParam, MessageParam } from "@anthropic-ai/sdk/resources/messages";
import type { Media, Message } from "../../core/provider.ts";
import { givenBack, plainId } from "./uses.ts";

/** A message as Anthropic has it; one of text alone is that text. */
export function messageOf(message: Message, provider: string): MessageParam {
  const blocks = message.role === "user" ? userBlocks(message) : assistantBlocks(message, provider);
  const plain = blocks.every(({ type }) => type === "text");
  return { role: message.role, content: plain ? message.content : blocks };
}

function userBlocks({ content, results = [], media = [] }: Message): ContentBlockParam[] {
  const told = results.map(({ id, content: text, is_error }) => ({
    type: "tool_result" as const,
    tool_use_id: plainId(id),
    content: text,
    ...(is_error && { is_error }),
  }));
  return [...told, ...media.map(mediaBlock), ...textBlock(content)];
}

/** What it thought and searched comes back as it came, in its order, but to no other vendor. */
function assistantBlocks({ content, uses = [], kept }: Message, provider: string): ContentBlockParam[] {
  if (kept?.provider === provider) return kept.blocks as ContentBlockParam[];
  const asked = uses.map(({ id, name, arguments: given }) => ({
    type: "tool_use" as const,
    id: plainId(id),
    name,
    input: givenBack(given),
  }));
  return [...textBlock(content), ...asked];
}

/** The vendor takes no empty text. */
const textBlock = (text: string): ContentBlockParam[] => (text.trim() === "" ? [] : [{ type: "text", text }]);

function mediaBlock({ type, data, name }: Media): ContentBlockParam {
  if (type === "application/pdf")
    return { type: "document", source: { type: "base64", media_type: type, data }, ...(name && { title: name }) };
  return { type: "image", source: { type: "base64", media_type: type, data } };
}
