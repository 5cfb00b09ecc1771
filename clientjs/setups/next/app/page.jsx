import { Heard } from "./heard.jsx";

export const dynamic = "force-dynamic"; // so that BUS is read when the page is asked for

export default function Page() {
  return <Heard url={process.env.BUS} />;
}
