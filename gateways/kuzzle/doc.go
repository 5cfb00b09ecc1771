// Package kuzzle translates between clients of Kuzzle 2 and native frames: the unmodified kuzzle-sdk 7, and whatever
// sends its JSON over a WebSocket or over HTTP. A collection is the channel documents/<index>/<collection>.
//
//	language.go      all clients together: handshakes, and what many of them hear alike
//	talk.go          one client's part: what it waits for
//	request.go       what a client sends, and each way in which that can be wrong
//	faults.go        errors as Kuzzle words and numbers them, and those of the bus in its words
//	answer.go        responses
//	http.go, routes.go   requests over HTTP, and the URLs of actions
//	notification.go  what subscribers hear
//	rooms.go         rooms and channels of one client
//	fresh.go         what waits until the client listens to its channels
//	infofilter.go    filters that ask for metadata
//	actions.go       the table of all actions, also of those that are not there
//	realtime.go, server.go, auth.go   actions of these controllers
//	documents.go, many.go, bulk.go    actions that write and read documents: one, several, and what Elasticsearch calls bulk
//	search.go, collections.go         searches, collections and indexes
package kuzzle
