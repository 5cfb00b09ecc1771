package actors

import (
	"tidings/access"
	"tidings/protocol"
	"time"
)

// SetRules puts other rules in the place of those of Config. They count for what clients ask for from now on, and
// subscriptions that they do not allow end at once: what waits of them for a client is not written any more. It fails
// if the rules do not compile, and changes nothing then.
func (b *Bus) SetRules(rules access.Rules) error {
	policy, err := rules.Compile()
	if err != nil {
		return err
	}
	b.policy.Store(policy)
	for _, c := range b.registry.all() { // those that come later know the new rules
		b.send(c.pid, rulesChanged{})
	}
	return nil
}

// SetTokens puts another verifier in the place of that of Config, for tokens that come from now on. It does not close
// the one before.
func (b *Bus) SetTokens(tokens *access.Tokens) { b.tokens.Store(tokens) }

// SetRouting puts other routes in the place of those of Config, from the next publish on. It fails if they do not
// compile, and changes nothing then.
func (b *Bus) SetRouting(routing access.Routing) error {
	router, err := routing.Compile()
	if err != nil {
		return err
	}
	b.routing.Store(router)
	return nil
}

// Pressure is how short of memory the process is.
type Pressure int32

// The pressures.
const (
	Easy  Pressure = iota
	Tight          // new connections are refused; who is connected, and who resumes, is not touched
	Full           // publishes are refused, too: history is what grows
)

// SetPressure sets how short of memory the process is. What is refused for it is answered CodeOverloaded, and may be
// tried again.
func (b *Bus) SetPressure(p Pressure) { b.pressure.Store(int32(p)) }

// collectWindow is what the rule of a channel says, or the node's. It counts for lanes that begin from now on.
func (b *Bus) collectWindow(ch protocol.Channel) time.Duration {
	if limits, _ := b.policy.Load().Limits(ch); limits.CollectWindow != 0 {
		return max(limits.CollectWindow, 0)
	}
	return b.cfg.CollectWindow
}
