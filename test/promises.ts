/** A sentence of the README that somebody may rely on, and the tests that show that it is true. */
export interface Promised {
  readonly says: string;
  /** Files of tests, each with the title of a test in it. */
  readonly shown: readonly (readonly [file: string, title: string])[];
}

/** Every sentence of "What you can rely on". */
export const PROMISES: readonly Promised[] = [
  {
    says: "A start answers within a bounded wait, with a run id; whoever stops waiting gets the run by its id later.",
    shown: [
      [
        "test/tools/calls.test.ts",
        "ends after wait_seconds with the run's id and the call to make next; the run goes on",
      ],
      ["test/compat/clients.test.ts", "finds its run again after it has stopped waiting"],
    ],
  },
  {
    says: "After `kill -9` of the server the next one goes on, and no finished call is asked again.",
    shown: [
      [
        "test/crash/kill.test.ts",
        "a process killed right after a commit leaves runs that the next one ends as if nothing had happened",
      ],
      ["test/crash/kill.long.ts", "SIGKILL right after every single commit"],
    ],
  },
  {
    says: "What was in flight at a crash is charged at its reserve, and the trace says so.",
    shown: [
      [
        "test/store/contract/money.ts",
        "of the dead is charged at its reserve, where nobody can play their runs as well",
      ],
    ],
  },
  {
    says: "Money is held before each call and settled after it, so that parallel branches cannot overspend a cap together.",
    shown: [
      ["test/run/money.test.ts", "whatever they cost, and however long they take: never a nano-dollar more"],
      ["test/store/contract/money.ts", "admits exactly as many calls as the cap affords, however wide they are asked"],
    ],
  },
  {
    says: "A fan-out keeps what succeeds when a branch fails, and says of every branch how it ended.",
    shown: [["test/patterns/fan-out.test.ts", "keeps what succeeds when a branch fails, and says so"]],
  },
  {
    says: "A vote never picks by chance: a tie is reported as a tie, with every dissent and its confidence.",
    shown: [
      ["test/patterns/consensus-vote.test.ts", "that is a tie is reported as a tie, never decided by chance"],
      [
        "test/patterns/consensus-vote.test.ts",
        "asks every voter alone, and reports the winner, the tally and every dissent with confidence and reason",
      ],
    ],
  },
  {
    says: "The same idempotency key finds the same run, also when two ask at once; with other input it is refused.",
    shown: [
      [
        "test/crash/starts.test.ts",
        "fifty starts at once with one key, from three processes, are one run; with other input they are refused",
      ],
    ],
  },
  {
    says: "Only `control_run` cancels a run; its requests in flight are closed, and nothing further is asked.",
    shown: [
      [
        "test/run/cancel.test.ts",
        "of a fan-out closes all its sockets, asks none of those that wait, and keeps what was done",
      ],
      ["test/tools/calls.test.ts", "ends when the caller goes, and the run does not"],
    ],
  },
  {
    says: "Several servers may share one file; every run is played once.",
    shown: [["test/crash/two-servers.test.ts", "two servers on one file play every run once, whoever started it"]],
  },
  {
    says: "A full disk starts no further paid call and keeps the run.",
    shown: [
      ["test/store/trouble.test.ts", "keeps what a player writes, in order, and writes it as soon as there is room"],
      [
        "test/crash/disk.test.ts",
        "a full disk starts no further paid call and keeps the run, which goes on when there is room again",
      ],
    ],
  },
  {
    says: "An answer of the wrong shape gets one repair turn with the reason; what was paid for is paid for, also when it is no use.",
    shown: [["test/run/bills.test.ts", "of a broken answer and of its repair is paid, both"]],
  },
  {
    says: "Unknown arguments are refused with the call that would have been right.",
    shown: [
      ["test/tools/arguments.test.ts", "names the nearest right key and shows the call with the caller's own values"],
      ["test/tools/arguments.test.ts", "shows a call that would itself be taken, whatever was wrong"],
    ],
  },
  {
    says: "A dry run of any start tells what it would cost, and asks nobody.",
    shown: [["test/tools/dry-run.test.ts", "of %s tells drawing, calls and cost, starts no run and asks nobody"]],
  },
  {
    says: "A workflow that cannot be played is refused before it starts, with what is wrong, where, and the right spelling.",
    shown: [["test/workflows/read.test.ts", "given as data has paths, and the failure says all that is wrong"]],
  },
  {
    says: "An event is handed on once to each that wants it, in order for what belongs together, also after a crash.",
    shown: [
      [
        "test/events/processes.test.ts",
        "one that is killed at any commit from publishing on has lost nothing: the next begins exactly one run",
      ],
      [
        "test/events/bus.test.ts",
        "waits its turn behind the one before it of the same correlation, however slow that is",
      ],
      ["test/events/bus.test.ts", "that comes again begins nothing again"],
    ],
  },
  {
    says: "The tools together cost a client under 5,500 tokens of its context.",
    shown: [["test/tools/menu.test.ts", "costs a client under 5,500 tokens"]],
  },
  {
    says: "A tool of an agent that has ended is never called again, and an effect that a crash cut off is not repeated blindly.",
    shown: [
      [
        "test/run/dialogue-kills.test.ts",
        "killed at every commit, no finished tool is called again, and the payment is made once",
      ],
    ],
  },
  {
    says: "What tools give an agent is marked as material, and never as an instruction.",
    shown: [["test/run/dialogue.test.ts", "is told what its tools gave, marked as material, and answers from it"]],
  },
  {
    says: "A server of tools gets nothing of Baton's environment but what its settings name.",
    shown: [
      [
        "test/toolbox/programs.test.ts",
        "finds in its environment what it needs to start and what the settings name, and nothing of ours",
      ],
    ],
  },
  {
    says: "Secrets are taken out of logs, by the name of their key and by their look.",
    shown: [
      ["test/cli/log.test.ts", "are taken out by the name of their key, at any depth"],
      ["test/cli/log.test.ts", "are taken out of texts that hold a key of a vendor or a bearer token"],
    ],
  },
  {
    says: "Beyond your own machine Baton listens only with tokens.",
    shown: [
      ["test/cli/serve.test.ts", "beyond this machine without tokens"],
      ["test/http/app.test.ts", "asks for a token at %s where there are tokens"],
    ],
  },
  {
    says: "Baton talks to model providers that you name or hold a key for, and to nobody else.",
    shown: [
      ["test/docs/privacy.test.ts", "is nobody at all while it rehearses"],
      ["test/docs/privacy.test.ts", "is the model that is named, and nobody else"],
    ],
  },
];
