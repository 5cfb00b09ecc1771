throw new Error("tidings does not run in React Native: it needs streams, URL and AbortSignal as browsers have them. Use it in a WebView, or ask the server by fetch: GET /bus/poll?channel=…");
