package actors

import (
	"tidings/actors/ground"
	"tidings/core"
)

// What a channel's actor can be told about who is in it.

// Attend says as whom the connection of Sub counts in the channel, now that it or the rules have changed. Join says it of a new one.
type Attend struct {
	ground.Request
	Sub *subscription
	As  standing
}

// Hear says what Sub is to hear of who comes and goes. Join says it of a new one.
type Hear struct {
	ground.Request
	Sub  *subscription
	News audience
}

// PresenceDone answers the call of the broker that is under way for the channel's presence.
type PresenceDone struct {
	ground.Event
	Page core.MembersPage // of a read
	Err  error
}

// MembersChanged brings a change of who is in the channel, on all nodes together.
type MembersChanged struct {
	ground.Event
	From *membersSink
	core.MembersChange
}

// MembersInterrupted says that such changes may be missing.
type MembersInterrupted struct {
	ground.Event
	From *membersSink
}

// PresenceDue is the alarm of the channel's presence.
type PresenceDue struct{ ground.Event }
