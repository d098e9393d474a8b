import type { CallToolResult } from "@modelcontextprotocol/client";
import { misfit } from "../core/shape.ts";
import { textOf } from "./content.ts";
import { type Asked, isInvalidResult, protocolError, said, wantsInput } from "./faults.ts";
import { checkable } from "./schemas.ts";
import type { ListedTool, Said } from "./source.ts";

/** For a model to read: why it has not what it wanted. */
export const wrong = (text: string): Said => ({ text, is_error: true });

/** What a tool answered. One that answers other than it says is told as an error, with what it said. */
export function answerOf(result: CallToolResult, { tool, output }: ListedTool): Said {
  const text = textOf(result);
  const isError = result.isError === true;
  const why = isError || !output ? undefined : lie(result.structuredContent, output);
  if (why === undefined) return { text, is_error: isError };
  return wrong(`The tool "${tool}" answered, but not what it says that it answers (${why}). Its answer:\n${text}`);
}

/** An answer that is for the model to read, though it is no result of the tool. */
export function wordsOf(error: unknown, scrub: Asked["scrub"]): string | undefined {
  const refused = protocolError(error);
  if (refused !== undefined) return `The server refused this call: ${refused}`;
  if (wantsInput(error)) return "The tool asks for something that only a person could say; nobody is there to say it.";
  return isInvalidResult(error)
    ? `The tool answered, but its answer cannot be read: ${said(error, { scrub })}`
    : undefined;
}

function lie(value: unknown, output: NonNullable<ListedTool["output"]>): string | undefined {
  if (value === undefined) return "there is no structured content";
  try {
    const { $schema: _, ...schema } = output;
    return misfit(value, checkable(schema));
  } catch {
    return undefined; // What cannot be checked is not held against it.
  }
}
