// Must be loaded before react-dom, as the plugins of bundlers do it.
import runtime from "react-refresh/runtime";

runtime.injectIntoGlobalHook(globalThis as unknown as Window);
export default runtime;
