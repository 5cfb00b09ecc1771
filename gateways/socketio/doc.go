// Package socketio is the gateway of the clients of Socket.IO 3 and 4, which speak version 5 of its protocol over
// version 4 of Engine.IO, and of Feathers over it. Clients are in the namespace "/"; a socket's id is the connection's
// public name. It translates, and keeps nothing beyond one connection's unanswered calls:
//
//	language.go  the language: handshakes, and what is no handshake
//	talk.go      one connection: what it hears, and its heartbeat
//	packet.go    the packets of Socket.IO
package socketio
