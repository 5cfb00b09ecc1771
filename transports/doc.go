// Package transports turns bytes into frames and back: WebSocket, Server-Sent Events and long-polling, with
// negotiation, origin checks, and the liveness of what is connected. It knows no channel and no actor. What clients
// send goes to a Bus, and what a connection is to receive lies in its core.Outbox.
//
// The life of a connection's bytes, and the files in that order:
//
//	handlers   transports.go has the Handler and the interfaces of the bus, config.go the settings, stats.go the counts.
//	           One file for each URL: negotiate.go, websocket.go, sse.go, poll.go, send.go, ticket.go.
//	requests   gate.go checks the origin and the host, request.go the rest of a request, query.go the URL of a plain
//	           client, body.go a JSON body, problem.go answers with an error, upgrade.go makes the handshake of a
//	           WebSocket.
//	languages  language.go has the interfaces of a gateway, whose clients speak another system's protocol over our sockets;
//	           speak.go makes their handshakes, line.go is how a talk asks its session for more. visits.go has those whose
//	           clients may poll; visitor.go is the link of such a client, visitor_requests.go serves its requests.
//	           errand.go is what single requests over HTTP of such a language are, which speak.go takes, errand_session.go
//	           the session of each, errand_rates.go how many one client may send.
//	links      stream.go is the link of a WebSocket or an SSE stream, poll_link.go that of a long-poll. The bus wakes a
//	           link; it takes frames in batches and writes them without blocking its caller.
//	writing    flush.go writes batches for a stream, form.go has the bytes of each transport, turn.go lets one goroutine
//	           write at a time, rawwrite_unix.go and rawwrite_other.go write what fits, response_conn.go is the conn of a
//	           stream over HTTP/2.
//	resting    arrivals.go has the first request of a new conn read. rest.go takes conns from net/http, and answers known
//	           requests that are read on them, resting_conn.go is such a conn, and passes it to a WebSocket that it
//	           opens, response.go the answer on it, handback.go the way back to net/http.
//	nodes      elsewhere.go hands polls and sends of a session of another node to that node. farewell.go ends a session
//	           whose client says so, or has moved here from another node.
//	polls      poll_link.go also answers polls, those that wait on conns which rest, too. poll_opening.go has the first one
//	           wait for what its subscribes recover.
//	plain      plain.go follows the position of a client without a session, poll_plain.go answers its polls.
//	reading    reader.go and source.go bring what clients send. On Linux an idle conn has no goroutine (readiness.go with
//	           epoll_linux.go; epoll_other.go elsewhere; crew.go has the goroutines that read, tryread_unix.go and
//	           tryread_other.go read what is there).
//	           socket_read.go reads the messages of a WebSocket with the library, of which sockets that are read share
//	           some instances (machine.go); intake.go bounds what one client may send.
//	time       wheel.go keeps the deadlines of all links in one goroutine, settle.go gives memory back when it is quiet.
package transports
