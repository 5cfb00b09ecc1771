// Package core is the guarantee of protocol/SPEC.md section 2 as pure state machines: no I/O, no goroutines, no clock
// of its own.
//
// The server, the Go client and the simulator run the same code.
//
// The broker's side:
//
//	stream.go          Stream: numbers, keeps and reads the messages of one channel
//	judge.go           Judge: whether a position can be gone on from
//	history.go         the ring of its newest messages
//	idempotency.go     the answers to keyed publishes
//	id.go              ids of messages, tags of positions
//
// A node's side:
//
//	feed.go            Feed: a node's copy of a channel, its states, who joins and leaves
//	feed_groups.go     its groups: members with a filter, what they hear, and when they are told positions
//	feed_live.go       its live stream: what follows, holes, its own reads
//	feed_recovery.go   members that recover, a page at a time
//	outbox.go          Outbox: the frames of a connection, numbered, until they are received
//	outbox_link.go     the link under it: attach, detach, part, end
//	outbox_find.go     how far a message has come in it
//	outbox_replace.go  frames taken back from it
//	inbox.go           Inbox: the order of upstream bodies
//	latest.go          Latest: late copies of connects and polls
//	attendance.go      Attendance: who is in a channel on this node
//	herald.go          Herald: who is in a channel on all nodes, told in batches
//	bucket.go          Bucket: a rate
//
// The client's side:
//
//	client.go            Client: a session over a row of links
//	client_subscribe.go  its subscriptions
//	client_frames.go     what it does with each frame
//	client_port.go       ClientPort: what it asks of its program
//	cursor.go            Cursor: the continuity check
//	window.go            Window: the last ids of a channel
//	presence_view.go     PresenceView: who is in a channel, by frames
//
// For the simulator:
//
//	omit.go  the mechanisms that it leaves out, to show that its checkers notice
package core
