import react from "@vitejs/plugin-react";
import { tidings } from "tidings/vite";

// The plugin passes /bus on to the server. If none runs, it starts one.
export default { plugins: [react(), tidings({ url: "http://127.0.0.1:8080" })] };
