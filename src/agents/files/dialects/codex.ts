import { type Dialect, SKILLS } from "../words.ts";

export const CODEX: Dialect = {
  name: "codex",
  host: "Codex",
  folders: [".codex/agents"],
  fields: {
    developer_instructions: "told",
    model_reasoning_effort: "effort",
    sandbox_mode: "posture",
    skills: SKILLS,
    nickname_candidates: { note: "how a list shows it" },
    approval_policy: {
      note: "who is asked before a tool is used is said by `x-baton: { approve: […] }` and by the settings",
    },
    model_reasoning_summary: { note: "no summary of its thoughts is asked for" },
    model_verbosity: { note: "no vendor is told it" },
    model_provider: { note: "the setting `models` says who answers" },
    sandbox_workspace_write: { note: "what may be written is a matter of the servers whose tools it has" },
    service_tier: { note: "no vendor is told it" },
    personality: { note: "nothing reads it" },
  },
  tools: {
    exec_command: ["exec"],
    write_stdin: ["exec"],
    local_shell: ["exec"],
    apply_patch: ["edit"],
    web_search: ["search"],
    update_plan: ["nothing"],
    view_image: ["nothing"],
  },
};
