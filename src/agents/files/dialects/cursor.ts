import type { Dialect } from "../words.ts";

export const CURSOR: Dialect = {
  name: "cursor",
  host: "Cursor",
  folders: [".cursor/agents"],
  fields: {
    readonly: "read_only",
    is_background: { note: "every run goes on in the background" },
  },
  tools: {
    codebase_search: ["grep", "glob"],
    grep_search: ["grep"],
    file_search: ["glob"],
    list_dir: ["list"],
    edit_file: ["edit"],
    search_replace: ["edit"],
    delete_file: ["edit"],
    run_terminal_cmd: ["exec"],
    run_terminal_command: ["exec"],
    web_search: ["search"],
    read_lints: ["nothing"],
    todo_write: ["nothing"],
  },
};
