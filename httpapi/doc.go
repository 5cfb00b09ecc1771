// Package httpapi is every URL of the product, and the one place in which the two halves meet: transports, which carry
// bytes, and actors, which decide who hears what. New returns an http.Handler for a bus:
//
//	bus, err := actors.Start(actors.Config{Broker: memory.New(memory.DefaultConfig())})
//	api, err := httpapi.New(bus, httpapi.DefaultConfig())
//	http.Handle("/", api)
//
//	routes.go    the table of URLs
//	publish.go, batch.go, history.go, admin.go, commands.go, why.go, tail.go   the API for backends; openapi.yaml describes it
//	health.go, files.go, metrics.go   what else stands behind them; metrics_table.go has every metric
//	request.go, answer.go, bridge.go, keys.go, address.go   how a request is read, answered, allowed, and whose it is
//	guard.go     logging and recovery around everything
//	conns.go     what ends a connection whose client does not send or read
package httpapi
