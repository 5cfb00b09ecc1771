package core

// Mechanism is one of the checks that the guarantee rests on. The simulator leaves one out to show that its checkers
// notice (docs/PROOF.md); nothing else may set an Omit field.
type Mechanism uint16

const (
	ReplayAfter      Mechanism = 1 << iota // a replay starts strictly after the cursor
	MergeDrop                              // what history gave is not handed out again when it comes live
	NodeContiguity                         // a node holds a message that does not follow, and reads what is missing
	ClientContiguity                       // so does a client
	IDWindow                               // a client remembers ids across gaps
	AskAgain                               // a client sends a subscribe again that stays without an answer
	GroupTold                              // a message that a group hears moves up to where it was told
	GroupOrder                             // groups stand in the order in which they were told
)

// Has reports whether x is left out.
func (m Mechanism) Has(x Mechanism) bool { return m&x != 0 }
