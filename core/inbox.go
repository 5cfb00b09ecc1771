package core

// Inbox orders the bodies of POST /bus/send of one session. The zero Inbox waits for number 1.
type Inbox struct{ last uint64 }

// Turn is what to do with a body of some number.
type Turn int

const (
	Apply  Turn = iota // it is its turn: apply it, then call Done
	Repeat             // it was applied before: give the same answer
	Early              // one before it is missing: hold it
)

// Turn returns what to do with body seq.
func (in *Inbox) Turn(seq uint64) Turn {
	switch {
	case seq <= in.last:
		return Repeat
	case seq == in.last+1:
		return Apply
	}
	return Early
}

// Done counts the body whose turn it was.
func (in *Inbox) Done() { in.last++ }
