// Package fanout brings what a channel says to the outboxes of its members: quickly, in order, and fairly among
// channels. It knows nothing of actors, connections or brokers; it asks for what happens rarely through Port.
//
//	port.go       what it asks of the node, and how it knows a member
//	shard.go      a goroutine that delivers to its part of the connections, and its lanes: what one channel has to say in it
//	run.go        its turns, and when it sleeps
//	turn.go       one lane's turn
//	flush.go      when it wakes the links of the outboxes
//	operation.go  what a lane may have to do
//	crowd.go      members that hear the same
//	group.go      groups, which hear a part
//	lane_crowds.go  the crowds of a lane: that of all, and those of groups
//	watchers.go   members that hear who comes and goes
//	heat.go       whether the deliveries of a lane wait for more
//	traffic.go    how much is under way to one channel
//
// A message is one operation on each lane of its channel. The shard walks the lane's members and appends the message's
// frame to each outbox; nothing is asked and nothing is allocated. Lanes of a shard take turns.
package fanout
