// Stands still in the middle of a transaction.
import { DatabaseSync } from "node:sqlite";

const db = new DatabaseSync(process.argv[2] ?? "", { timeout: 5000 });
db.exec("begin immediate");
process.stdout.write("locked\n");
setInterval(() => {}, 1000);
