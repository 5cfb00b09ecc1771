// Package core is the guarantee of protocol/SPEC.md section 2 as pure state machines: no I/O, no goroutines, no clock of its own.
//
// The broker's side is Stream (history, numbering, idempotency). A node's side is Feed (continuity of what the broker
// brings, recovery of those who join) and Outbox and Inbox (resume of a session). The client's side is Cursor and Client.
// The server, the Go client and the simulator run the same code.
package core
