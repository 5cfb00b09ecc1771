// Package guard stands between the network and an http.Server, and ends what net/http would wait for without end:
//
//	guard.go   the Guard: limits, counts, and the Listener whose conns it watches
//	conn.go    a conn: each part of an answer has to be read in time
//	head.go    follows the heads of requests on a conn, and refuses a length together with chunks
//	stream.go  the answer on a stream of HTTP/2
//	body.go    the Handler: an announced body has to come in time, and one address may keep few of them waiting
//
// A TLS conn is watched below TLS, where no head can be read. There a request in chunks is the last of its conn, so
// that nothing can be smuggled behind it.
package guard
