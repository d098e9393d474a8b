/** Who calls where nobody has to say who they are: stdio, the command line, and HTTP without tokens. */
export const LOCAL_CALLER = "local";
