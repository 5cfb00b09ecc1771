// Listens by both forms of the package in one process, until each has heard a message.
import { createRequire } from "node:module";
import { sharedMessageBus } from "tidings";

const required = createRequire(import.meta.url)("tidings");
if (required.createMessageBus === (await import("tidings")).createMessageBus) throw new Error("there is but one form");
const heard = [required.sharedMessageBus, sharedMessageBus].map(
  (shared) => new Promise((resolve, reject) => shared(process.argv[2]).subscribe("setups/both", resolve, { onSubscribed: () => console.log("subscribed"), onError: reject })),
);
console.log(JSON.stringify(await Promise.all(heard)));
sharedMessageBus(process.argv[2]).close();
