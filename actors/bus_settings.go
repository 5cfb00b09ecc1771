package actors

import "tidings/access"

// SetRules puts other rules in the place of those of Config. They count for what clients ask for from now on, and
// subscriptions that they do not allow end at once: what waits of them for a client is not written any more. It fails
// if the rules do not compile, and changes nothing then.
func (b *Bus) SetRules(rules access.Rules) error {
	policy, err := compileRules(rules)
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

// SetPressure sets how short of memory the process is. What is refused for it is answered CodeOverloaded, and may be
// tried again.
func (b *Bus) SetPressure(p Pressure) { b.pressure.Store(int32(p)) }
