// Package ground is what actors stand on: their queues, the goroutines that run them, their alarms, and what happens
// when one fails. It knows nothing of channels and connections, and imports protoactor-go alone.
//
//	system.go      the actor system of one node: starts actors, and sends
//	mailbox.go     the queue of an actor, which holds nothing while it is empty
//	workers.go     the goroutines that run actors
//	pool.go        the goroutines that may wait, on behalf of actors, which may not
//	alarms.go      messages that come at a time, all under one timer
//	letters.go     what a message does that comes after the end of its actor
//	census.go      how many actors have not ended
//	supervisor.go  what becomes of an actor that failed
package ground
