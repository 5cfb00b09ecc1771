package model

import "slices"

// Shrink leaves out of a failing plan what it does not need to fail in the same way: steps first, then whole nodes,
// clients and publishers, then the length of bursts. The result still fails.
func Shrink(p Plan, o Options) Plan {
	o.Verbose, o.Trace = false, 0
	want := failure(Run(p, o))
	tries := 3000
	fails := func(q Plan) bool {
		if tries--; tries < 0 {
			return false
		}
		return failure(Run(q, o)) == want
	}
	for again := true; again; {
		again = false
		for n := len(p.Steps) / 2; n > 0; n /= 2 {
			for i := 0; i+n <= len(p.Steps); {
				q := p
				q.Steps = slices.Delete(slices.Clone(p.Steps), i, i+n)
				if fails(q) {
					p, again = q, true
				} else {
					i += n
				}
			}
		}
		again = smaller(&p, fails) || again
	}
	return p
}

// failure names how a run failed.
func failure(r *Result) string {
	if len(r.Violations) > 0 {
		return r.Violations[0].Check + " " + r.Violations[0].Anomaly
	}
	if len(r.Wire) > 0 {
		return "wire " + r.Wire[0].Anomaly
	}
	return ""
}

func smaller(p *Plan, fails func(Plan) bool) (any bool) {
	try := func(change func(*Plan)) {
		q := *p
		q.Steps = slices.Clone(p.Steps)
		if change(&q); fails(q) {
			*p, any = q, true
		}
	}
	for p.Nodes > 1 {
		before := p.Nodes
		if try(func(q *Plan) { q.Nodes-- }); p.Nodes == before {
			break
		}
	}
	for p.Clients > 1 {
		before := p.Clients
		if try(func(q *Plan) { q.Clients-- }); p.Clients == before {
			break
		}
	}
	if p.Publishers > 1 {
		try(func(q *Plan) { q.Publishers-- })
	}
	if p.Channels > 1 {
		try(func(q *Plan) { q.Channels-- })
	}
	if p.Codec {
		try(func(q *Plan) { q.Codec = false })
	}
	for i := range p.Steps {
		for p.Steps[i].Kind == doBurst && p.Steps[i].N > 1 {
			before := p.Steps[i].N
			if try(func(q *Plan) { q.Steps[i].N /= 2 }); p.Steps[i].N == before {
				break
			}
		}
	}
	return any
}
