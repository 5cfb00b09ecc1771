package actors

import (
	"fmt"
	"runtime/debug"

	"tidings/actors/fanout"
	"tidings/protocol"
)

// deliveries is what the shards ask of the node.
type deliveries struct{ bus *Bus }

var _ fanout.Port[*subscription] = deliveries{}

// Overflowed implements fanout.Port.
func (d deliveries) Overflowed(sub *subscription) { sub.conn.overflowed() }

// Broken implements fanout.Port.
func (d deliveries) Broken(sub *subscription) { sub.conn.fail() }

// Failed implements fanout.Port.
func (d deliveries) Failed(what string, reason any) {
	d.bus.tally.failures.Add(1)
	d.bus.log.Error(what, "panic", fmt.Sprint(reason), "stack", string(debug.Stack()))
}

// Live implements fanout.Port.
func (d deliveries) Live(sub *subscription) { sub.tell(joined{sub: sub}) }

// Next implements fanout.Port.
func (d deliveries) Next(sub *subscription, asker uint32) {
	sub.conn.whenSpace(sub.entry.pid, nextPage{sub: sub, incarnation: asker})
}

// Withdraw implements fanout.Port.
func (d deliveries) Withdraw(sub *subscription) {
	sub.conn.withdraw(func(ch protocol.Channel) bool { return ch == sub.channel })
}
