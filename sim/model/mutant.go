package model

import "tidings/core"

// Mechanism is one of the mechanisms of the guarantee, by its number in docs/PROOF.md. A mutant is a system without it.
type Mechanism int

// The mechanisms.
const (
	CursorEpoch   Mechanism = 1 + iota // epoch and offset are stored and sent together
	Epoch                              // the server compares the epoch on resume
	Incarnation                        // the epoch contains the broker's incarnation
	Tag                                // positions carry a random tag
	Window                             // "is my next message still in history?"
	After                              // replay strictly after the cursor
	Register                           // register for live messages before reading history
	Merge                              // drop what history has already given
	Contiguity                         // the node checks that what the broker brings follows
	PositionCheck                      // the node compares itself with the broker now and then
	ClientCheck                        // the client checks too
	Fence                              // frames of an older transport are dropped, its writer is fenced
	Idempotency                        // keys are looked up inside the step that numbers
	IDWindow                           // the client remembers ids across gaps
	AckAfter                           // acknowledge after the append only
	NumberUsedUp                       // a send number without answer is used up, empty, on the next link
	Interruption                       // nothing is handed on after an interruption before history was read
	ResumeCount                        // a session goes on after what its client received
	PrevTag                            // a message names the tag of the one before it
	Late                               // a late copy of a connect or poll takes nothing over
	AskAgain                           // a subscribe that stays without an answer is sent again
	GroupAlone                         // the frame of a group goes to its members alone
	GroupTold                          // a message that a group hears moves up to where it was told
	GroupPosition                      // a position goes to the group that it is for
	Before                             // a recovery looks at what a document was before
	Rejoin                             // after a failure of its channel's actor a member is in its group again
	GroupOrder                         // groups stand in the order in which they were told
)

// Mutant is a combination of mechanisms that are left out.
type Mutant []Mechanism

// omits translates what lies within core.
func (m Mutant) omits() (o core.Mechanism) {
	for _, x := range m {
		switch x {
		case After:
			o |= core.ReplayAfter
		case Merge:
			o |= core.MergeDrop
		case Contiguity:
			o |= core.NodeContiguity
		case ClientCheck:
			o |= core.ClientContiguity
		case IDWindow:
			o |= core.IDWindow
		case AskAgain:
			o |= core.AskAgain
		case GroupTold:
			o |= core.GroupTold
		case GroupOrder:
			o |= core.GroupOrder
		}
	}
	return o
}
