import { useReplyChannel } from "tidings/react";

export function Export() {
  const job = useReplyChannel<{ file: string }, { percent: number }>({ timeout: 60_000 });

  async function start() {
    const reply = await job.open();
    const answer = await fetch("/api/exports", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ reply }), // the job answers here
    });
    if (!answer.ok) job.close();
  }

  if (job.state === "done") return <a href={job.result?.file}>Download</a>;
  if (job.state === "waiting") return <progress max={100} value={job.progress?.percent} />;
  return <button onClick={start}>{job.error ? "Failed. Again" : "Export"}</button>;
}
