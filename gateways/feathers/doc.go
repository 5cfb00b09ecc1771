// Package feathers is what the gateways of Primus and Socket.IO have in common: calls of the services of Feathers, and
// their events. A call is a packet of a method, a service's path and arguments; it becomes a frame of our protocol, and
// the answer becomes the arguments of the packet's acknowledgement. It keeps nothing but which services there are, and
// what of one connection is unanswered.
//
//	services.go  which collection of documents is which service
//	calls.go     the events of one connection that expect an answer
//	call.go      calls, and which of them are carried out here
//	authentication.go  who a client is: signing in, by a token or a password, and out
//	collection.go  the calls of a service that is a collection
//	many.go      calls on several records
//	query.go     the query language, put as a filter
//	records.go   documents as records
//	events.go    messages as events of services
//	errors.go    errors as Feathers writes them
package feathers
