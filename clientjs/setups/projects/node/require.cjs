// Prints what each entry exports, as JSON.
const exported = {};
for (const entry of process.argv.slice(2)) exported[entry] = Object.keys(require(entry)).sort();
console.log(JSON.stringify(exported));
