// Package actors is who hears what: channels, connections, and the fan-out between them. Bus is its one exported door.
//
// Each channel and each connection is an actor (protoactor-go); a fan-out shard is a goroutine. What an actor can be
// told stands after its state, in channel.go and session.go; its table of contents is Receive, which never waits.
//
// The door, which calls from any goroutine:
//
//	bus.go                  what a node has and counts; calls of the broker
//	bus_life.go             a node begins and ends
//	bus_drain.go            it sends its clients away, to other nodes
//	config_node.go          what a node is called among several, and where the others reach it
//	bus_cluster.go          a node among several: the table of nodes, and whose a session is by its name
//	bus_node.go             the same: what it reports, and what it hears of the others
//	bus_heard.go            the same: it reports how many hear each channel
//	bus_notes.go            the same: what all nodes must know, which notes of the broker tell them
//	bus_open.go             a client connects, resumes, or is found for a poll
//	bus_identify.go         tokens and tickets: the identity of a client
//	bus_tickets.go          tickets of several nodes, which any of them redeems
//	bus_publish.go          a publish, and what is answered to it
//	bus_history.go          what a channel keeps
//	bus_presence.go         who is in a channel, as the broker knows it
//	bus_events.go           events for connections, beside all channels
//	bus_grants.go           channels that the application puts clients in
//	bus_replies.go          publishes with a publish URL
//	bus_routes.go           publishes without a channel, and with patterns
//	bus_settings.go         rules, routes, tokens and pressure change while the node runs
//	bus_stats.go            the counts
//	hooks.go                the application's part: what it is asked, and what it is told
//	documents.go            calls about documents: what a client may, and who carries them out
//	config.go               what a node is started with
//
// What people and scripts ask:
//
//	ask.go                  channels, connections and how they stand, and a tail of what is published
//	ask_operate.go          what was refused of late, what the rules would decide, and what is near its limit
//	ask_revoke.go           tokens, users and connections are sent away
//	ask_why.go              what became of one message for one connection
//
// A channel's actor, the shell of core.Feed:
//
//	channel.go              its state, what it can be told, and members that come and go
//	channel_broker.go       it listens to the broker, reads history, and takes what the broker brings
//	channel_port.go         what the feed and the shards ask for; who is passed by
//	group.go                filters: what a subscription hears, and the members that hear the same
//	channel_move.go         members that may hear something else than before
//	channel_presence.go     who is in it: calls of the broker, and news
//	channel_presence_step.go   the same: what to do next, and when
//	channel_presence_events.go the same: what the actor is told of it
//	channel_life.go         its table of contents; it starts, ages, fails, ends
//
// A connection: what a transport has of it, safe from any goroutine:
//
//	conn.go                 the connection: what it is, what is pushed to it, and what is taken back
//	conn_send.go, conn_order.go   POST /bus/send, and its bodies in order
//	conn_waitlist.go        recoveries that wait for space in the outbox
//
// And its actor:
//
//	session.go              its state, what it can be told, and errors
//	session_receive.go      its tables of contents: messages, and frames of the client
//	session_link.go         links come and go, tokens are renewed and end; parking, and the end
//	session_requests.go     subscribe and unsubscribe
//	session_authority.go    what the client may do
//	session_rows.go         which messages of a channel the rules let it hear
//	session_subscriptions.go   joins, recoveries in turn, what the server wants, and what the client loses
//	session_recovered.go    who waits for what its subscriptions recover
//	session_broker.go       publish, history and presence, one after another
//	session_history.go      what a client may read of the history
//	session_calls.go        calls, and reply channels
//	session_documents.go    calls about documents, one after another
//
// Books: what the node remembers, each under its own lock:
//
//	book_channels.go        channels by name: what the node knows of each, and of its members
//	book_sessions.go        connections by session, which is secret, and by name; final words of those that ended
//	book_parking.go         those that are parked
//	book_grants.go          channels granted to users, sessions, pages and connections
//	book_grants_notes.go    the same, of several nodes
//	book_tickets.go         tickets of EventSource
//	book_quotas.go          connections of users and addresses
//	book_rates.go           how fast clients may ask
//	book_routes.go          where publishes with a key went
//	book_replies.go         reply channels
//	book_calls.go           the calls of one connection
//	book_tails.go           those that follow what is published
//	book_chronicle.go       notable things that happened
//
// A published message passes the broker, the channel's actor, and a shard; no connection's actor takes part. Order per
// subscription holds because everything of it, answers and messages alike, goes through its lane.
//
// Two parts are packages of their own: ground is what the actors stand on, and fanout delivers.
package actors
