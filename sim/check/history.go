// Package check judges a recorded history: what a broker numbered, what publishers were answered, and what each
// callback saw, whoever recorded it. Its checks have the names of docs/PROOF.md; sim/model has the same ones, which
// judge while the model runs.
package check

import (
	"fmt"
	"time"

	"tidings/protocol"
)

// History is what really happened, as nobody in the system can see it. Times are since the beginning.
type History struct {
	Numbered  []Numbered // in the order of the broker
	Acks      []Ack
	Listeners []*Listener
	Tops      map[string]protocol.Position // of each channel at the end; nil if the end is not to be judged
	Window    Window
}

// Window is what the broker promised to keep.
type Window struct {
	Messages int
	Bytes    int
	Age      time.Duration
	Keys     time.Duration // how long it knows an idempotency key
}

// Numbered is one message that the broker numbered.
type Numbered struct {
	Channel  string
	Position protocol.Position
	ID       string
	Key      string // idempotency key with whose it is; "" for none
	Data     string
	Size     int
	At       time.Duration
	Life     int // of the broker: one more after each loss of its memory
}

// Ack is an answer that a publisher got. Op names the publish, however often it was tried.
type Ack struct {
	Op       string
	Channel  string
	Position protocol.Position
	ID       string // "" if the answer had none
	Data     string
	At       time.Duration
}

// Kind is what a callback was told.
type Kind string

// The kinds.
const (
	Subscribed Kind = "subscribed"
	Message    Kind = "message"
	Gap        Kind = "gap"
)

// Event is one call of a callback.
type Event struct {
	At        time.Duration
	Kind      Kind
	Position  protocol.Position // of the message; where it was subscribed; from where a gap goes on
	Last      protocol.Position // of a gap
	Reason    string            // of a gap
	Recovered bool              // of subscribed
	ID, Data  string            // of a message
}

// Listener is one subscription of one client object.
type Listener struct {
	Name    string
	Channel string
	Events  []Event
	Final   bool // it should have everything in the end: not closed, its network whole
	Live    bool // its client is connected in the end
}

// Violation is a promise that was broken.
type Violation struct {
	Check   string // I1 …
	Anomaly string // in Jepsen's words
	Text    string
}

func (v Violation) String() string { return v.Check + " " + v.Anomaly + ": " + v.Text }

type place struct {
	channel string
	epoch   string
	offset  uint64
}

// judge is a history with its index.
type judge struct {
	*History
	at  map[place][]*Numbered
	bad []Violation
}

func (j *judge) fail(check, anomaly, format string, args ...any) {
	j.bad = append(j.bad, Violation{check, anomaly, fmt.Sprintf(format, args...)})
}

// find returns what the broker numbered at a position, or nil.
func (j *judge) find(channel string, p protocol.Position, fits func(*Numbered) bool) *Numbered {
	for _, n := range j.at[place{channel, p.Epoch, p.Offset}] {
		if n.Position == p && fits(n) {
			return n
		}
	}
	return nil
}
