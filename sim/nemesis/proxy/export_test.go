package proxy

// Draws reports whether a rule with this share meets a request.
func (p *Proxy) Draws(rule, number uint64, share float64) bool {
	return draw(p.seed, rule, number) < share
}
