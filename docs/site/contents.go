package site

// Entry is a page: where its source is in the repository, and under which name it stands in the navigation.
type Entry struct {
	Source string // path in the repository
	Name   string
	About  string // one line, for llms.txt and the home page
}

// group is a part of the navigation.
type group struct {
	Name    string
	Entries []Entry
}

// contents is the navigation, in the order in which it is read. A page of docs/ that is not here stands at its end.
var contents = []group{
	{"Pages and apps", []Entry{
		{"docs/react.md", "React", "the first message, hooks, lists that stay fresh, signing in, tests"},
		{"docs/plain-html.md", "Plain HTML", "a page without a build step"},
		{"docs/tabs.md", "Many tabs", "one connection for all tabs of a browser"},
		{"clientjs/README.md", "JavaScript client", "every export and option of the npm package"},
	}},
	{"Backends", []Entry{
		{"docs/backends.md", "Publish", "publish from Go, Node, PHP, Python and shell; answer a page, put pages in channels"},
		{"docs/hooks.md", "Hooks", "an application that decides, answers calls, and hears who comes and goes"},
		{"docs/HTTP.md", "HTTP API", "every URL for backends, in sentences"},
		{"httpapi/openapi.yaml", "API reference", "every URL, field and answer, from OpenAPI"},
	}},
	{"Filters and documents", []Entry{
		{"docs/filters.md", "Filters", "subscriptions that name which messages they want"},
		{"docs/live-lists.md", "Live lists", "a list in a page that is always right, in ten minutes"},
		{"docs/documents.md", "Documents", "collections, searches, and subscriptions to what changes"},
	}},
	{"Operate", []Entry{
		{"docs/operators.md", "Install and run", "install, configure, proxies, watch, upgrade"},
		{"docs/CONFIG.md", "Settings", "every setting, with its default and bounds"},
		{"docs/SECURITY.md", "Security", "who may do what, and a checklist for production"},
		{"docs/CLUSTER.md", "Several nodes", "nodes that share their messages by Redis"},
		{"docs/METRICS.md", "Metrics", "every metric, and what to make of it"},
		{"docs/gateways.md", "Gateways", "clients of Kuzzle, Primus, Feathers and Pakyow"},
		{"docs/upgrading.md", "Upgrading", "what changes between versions"},
	}},
	{"Inside", []Entry{
		{"protocol/SPEC.md", "Wire protocol", "what clients and servers say to each other"},
		{"docs/ARCHITECTURE.md", "Architecture", "how the code is cut, and where to find what"},
		{"docs/RELIABILITY.md", "Faults", "every fault that is thought of, and the test that holds it"},
		{"docs/PROOF.md", "Proof", "what is shown, and how"},
		{"docs/PERFORMANCE.md", "Performance", "measurements, with their commands"},
		{"docs/history/faults.md", "Faults of round two", "what the ids of that round stood for"},
		{"docs/history/house-moves.md", "Moves", "where files and names went"},
	}},
}

// home is the page that the root of the site shows.
const home = "docs/README.md"
