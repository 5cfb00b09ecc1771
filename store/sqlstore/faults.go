package sqlstore

import "tidings/protocol"

// What is said to callers.
var (
	ErrFull   = &protocol.Error{Code: protocol.CodeStorageFull, Reason: "the disk of the documents is full", Hint: "Nothing was written. The operator has to make space; reading goes on."}
	ErrQueue  = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "too many writes wait to be committed", Hint: "Try again in a moment."}
	ErrRelay  = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "too many changes wait to be published", Hint: "Try again in a moment."}
	ErrClosed = &protocol.Error{Code: protocol.CodeShuttingDown, Reason: "this node is going down", Hint: "Come back after a moment."}
	ErrLate   = &protocol.Error{Code: protocol.CodeTimeout, Reason: "the documents were not read in time", Hint: "Ask for less, or by id; a filter that no index serves reads the collection."}
	ErrCommit = &protocol.Error{Code: protocol.CodeTimeout, Reason: "no answer in time; it may or may not have been written", Hint: "Repeat it with the same idempotency key."}
	ErrKey    = &protocol.Error{Code: protocol.CodeIdempotencyConflict, Reason: "the idempotency key was used for another request", Hint: "Use a new key for each new request."}
)
