// Package primus is the gateway of the clients of Primus 8 with its transformer websockets and its parser JSON, with
// primus-emitter 3 or without, and of Feathers over it. A connection is a spark, and its id is the connection's public
// name. It translates, and keeps nothing beyond one connection's unanswered calls:
//
//	language.go  the language: handshakes, and the URLs beside them
//	library.go   the client for pages, library.js
//	spark.go     one connection: what it hears, and its heartbeat
//	packet.go    the packets of primus-emitter
package primus
