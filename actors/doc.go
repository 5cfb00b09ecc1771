// Package actors is who hears what: channels, connections, and the fan-out between them. Bus is its one exported door.
//
// Each channel and each connection is an actor (protoactor-go); a fan-out shard is a goroutine. What an actor can be told stands
// in its file of messages, its table of contents in Receive, which never waits.
//
//	bus.go, open.go, drain.go      the door: publish, open, resume, drain, stop
//	channel*.go                    a channel's actor, the shell of core.Feed
//	shard.go, lane.go              deliveries: one channel's members in one shard are a lane, first in, first out
//	connection.go, send.go, room.go   what a transport holds of a connection: safe from any goroutine
//	session*.go                    a connection's actor: requests, parking, the end
//	router.go, registry.go, parking.go   who is there, by name, by session, and who is parked
//	admin.go, describe.go, why.go, chronicle.go   what the HTTP API asks: who is there, what became of a message, and the records of it
//	ground/   what the actors stand on
//
// A published message passes the broker, the channel's actor, and a shard; no connection's actor takes part. Order per
// subscription holds because everything of it, answers and messages alike, goes through its lane.
package actors
