// A PostgreSQL for tests: the system's programs, in a folder of its own, on a free port.
import { execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./tidings.mjs";

/** Starts a server. `url` is its database, `sql` runs statements, `stop` ends it and removes its files. */
export async function postgres() {
  const debian = "/usr/lib/postgresql"; // which keeps the programs out of the PATH
  if (!existsSync(debian)) throw new Error("there is no PostgreSQL here: make deps installs it");
  const programs = join(debian, readdirSync(debian).at(-1), "bin");
  const folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "tidings-postgres-"));
  let account = {};
  if (process.getuid() === 0) {
    // As root it does not run.
    account = { uid: Number(execFileSync("id", ["-u", "postgres"])), gid: Number(execFileSync("id", ["-g", "postgres"])) };
    chownSync(folder, account.uid, account.gid);
  }
  const options = { ...account, cwd: folder, stdio: "ignore" };
  execFileSync(join(programs, "initdb"), ["-D", join(folder, "data"), "-U", "tidings", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"], options);
  const port = await freePort();
  const settings = ["listen_addresses=127.0.0.1", "fsync=off", "shared_buffers=32MB", "max_wal_size=128MB"].flatMap((s) => ["-c", s]);
  const child = spawn(join(programs, "postgres"), ["-D", join(folder, "data"), "-p", String(port), "-k", folder, ...settings], options);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const kill = () => child.kill("SIGQUIT");
  process.once("exit", kill);
  const url = `postgres://tidings@127.0.0.1:${port}/postgres?sslmode=disable`;
  const sql = (text) => execFileSync(join(programs, "psql"), [url, "-v", "ON_ERROR_STOP=1", "-qAtX", "-c", text], { encoding: "utf8" }).trim();
  for (let i = 0; ; i++) {
    try {
      sql("SELECT 1");
      break;
    } catch (error) {
      if (i === 200 || child.exitCode !== null) throw error;
      await sleep(100);
    }
  }
  const stop = async () => {
    process.off("exit", kill);
    kill();
    await ended;
    rmSync(folder, { recursive: true });
  };
  return { url, sql, stop };
}
