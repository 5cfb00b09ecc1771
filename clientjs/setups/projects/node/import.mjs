// Prints what each entry exports, as JSON.
const exported = {};
for (const entry of process.argv.slice(2)) exported[entry] = Object.keys(await import(entry)).filter((name) => name !== "default" && name !== "module.exports").sort();
console.log(JSON.stringify(exported));
