// Package httpapi is every URL of the product, and the one place in which the two halves meet: transports, which carry
// bytes, and actors, which decide who hears what. New returns an http.Handler for a bus:
//
//	bus, err := actors.Start(actors.Config{Broker: memory.New(memory.DefaultConfig())})
//	api, err := httpapi.New(bus, httpapi.DefaultConfig())
//	http.Handle("/", api)
//
//	api.go, config.go   a handler of one bus, and how it behaves
//	routes.go    the table of URLs
//	publish.go, several.go, batch.go, reply.go   publishes: of one message, to several channels, of many, with a publish URL
//	documents.go, documents_many.go, documents_list.go, documents_whole.go   documents: one of them, several or a search, and whole collections
//	documents_key.go   what a key may do with documents
//	history.go, presence.go, admin.go, why.go, tail.go, filters.go   what backends ask
//	commands.go, grants.go   what they do to clients
//	visit.go     people who signed in on the admin page with a key
//	operate.go, stats.go   what operators ask: counts, refusals, settings, and what the rules decide
//	everywhere.go, tail_nodes.go, cluster.go   several nodes: all are asked, or the one whose connection it is; how they stand
//	openapi.go   openapi.yaml, which describes all of it
//	gateways.go, errands.go   where clients of other systems connect, and what their backends ask over HTTP
//	health.go, files.go   what else stands behind the URLs
//	metrics.go, metrics_table.go, metrics_collector.go   metrics: the URL, every one of them, and how they are read
//	metrics_nodes.go        the same: the nodes, and what is handed between them
//	trace.go     trace contexts of publishes
//	request.go, answer.go, bridge.go, keys.go, address.go   how a request is read, answered, allowed, and whose it is
//	silent.go    connections that say nothing, which make way for others
//	guard.go, note.go   logging and recovery around everything, and what is remembered of a request for it
//	conns.go     what ends a connection whose client does not send or read
package httpapi
