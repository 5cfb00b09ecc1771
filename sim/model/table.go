package model

// Row is one line of the table of mechanisms: what is left out, and with which others where those would mask it.
type Row struct {
	Mechanism Mechanism
	Name      string
	Without   []Mutant // tried in this order; the first is the mechanism alone
	Published string   // what the earlier simulation counted of 2,000 seeds, the last column of docs/PROOF.md
	Test      string   // a deterministic story of it, where others mask it
	Trust     bool     // played with trust_persistence, without which it does not matter
}

// Table lists the mechanisms of the guarantee as docs/PROOF.md does. A combination counts a seed for a mechanism only
// if the same seed passes without that mechanism's part in it.
var Table = []Row{
	{CursorEpoch, "epoch and offset go together, and the epoch is never empty", []Mutant{{CursorEpoch}}, "1,339", "", false},
	{Epoch, "the epoch is compared on resume", []Mutant{{Epoch}, {Epoch, Tag}}, "1,327", "", false},
	{Incarnation, "the epoch contains the broker's incarnation", []Mutant{{Incarnation}}, "166", "", false},
	{Tag, "a position has a random tag", []Mutant{{Tag}, {Tag, Incarnation}}, "0; 252 without #3 (166)", "TestTagsKnowAnotherPast", false},
	{Window, "the message at the cursor must still be in history", []Mutant{{Window}}, "477", "", false},
	{After, "a replay starts strictly after the cursor", []Mutant{{After}, {After, ClientCheck}}, "1,271", "", false},
	{Register, "registered before history is read", []Mutant{{Register}, {Register, PositionCheck}, {Register, Contiguity}}, "0; 1,233 without #9 (1,200); 519 without #10 (527)", "TestRegistersBeforeReading", false},
	{Merge, "what history gave does not come again live", []Mutant{{Merge}, {Merge, ClientCheck}}, "1,638", "", false},
	{Contiguity, "the node checks that messages follow", []Mutant{{Contiguity}}, "1,200", "", false},
	{PositionCheck, "the node compares itself with the broker's top", []Mutant{{PositionCheck}}, "527", "", false},
	{ClientCheck, "the client checks too", []Mutant{{ClientCheck}, {ClientCheck, Contiguity}}, "0; 1,992 without #9 (1,200)", "", false},
	{Fence, "an older transport is fenced and its frames are dropped", []Mutant{{Fence}, {Fence, ClientCheck}, {Fence, ClientCheck, IDWindow}}, "0; 23 without #11; 1,888 without #11 and #14", "TestFencesTheOlderTransport", false},
	{Idempotency, "keys are looked up inside the step that numbers", []Mutant{{Idempotency}, {Idempotency, IDWindow}}, "1,998 without #14", "", false},
	{IDWindow, "a client remembers ids across gaps", []Mutant{{IDWindow}}, "181", "", false},
	{AckAfter, "acknowledged after the append only", []Mutant{{AckAfter}}, "1,873", "", false},
	// Found to be needed by this model.
	{NumberUsedUp, "the number of a send without answer is used up, empty, on the next link", []Mutant{{NumberUsedUp}, {NumberUsedUp, AskAgain}}, "", "", false},
	{Interruption, "after an interruption nothing is handed on before history was read", []Mutant{{Interruption}, {Interruption, PrevTag}}, "", "", true},
	{ResumeCount, "a session goes on after what its client received", []Mutant{{ResumeCount}, {ResumeCount, ClientCheck}}, "", "", false},
	{PrevTag, "between broker and node a message names the tag of the one before it", []Mutant{{PrevTag}, {PrevTag, Interruption}}, "", "", true},
	{Late, "a late copy of a connect or poll takes nothing over", []Mutant{{Late}}, "", "TestLatePollsTakeNothingOver", false},
	{AskAgain, "a subscribe that stays without an answer is sent again", []Mutant{{AskAgain}, {AskAgain, NumberUsedUp}}, "", "", false},
	// Of filters.
	{GroupAlone, "the frame of a group goes to its members alone", []Mutant{{GroupAlone}}, "", "", false},
	{GroupTold, "a message that a group hears moves up to where it was told", []Mutant{{GroupTold}}, "", "", false},
	{GroupPosition, "a position goes to the group that it is for", []Mutant{{GroupPosition}}, "", "", false},
	{Before, "a recovery looks at what a document was before", []Mutant{{Before}}, "", "", false},
	{Rejoin, "after a failure of its channel's actor a member is in its group again", []Mutant{{Rejoin}}, "", "", false},
	{GroupOrder, "groups are told positions in the order in which they were told before", []Mutant{{GroupOrder}}, "", "", false},
}

// Without returns m without x.
func (m Mutant) Without(x Mechanism) Mutant {
	var out Mutant
	for _, y := range m {
		if y != x {
			out = append(out, y)
		}
	}
	return out
}

// Plan makes the plan of a seed for the row's mutants.
func (r Row) Plan(seed uint64) Plan {
	p := NewPlan(seed, Storm)
	p.Trust = p.Trust || r.Trust
	return p
}
