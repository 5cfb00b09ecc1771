package actors

import (
	"slices"
	"tidings/protocol"
	"time"
)

// Of several nodes each has a copy of what was granted, which notes of the broker feed. It has no lists in the order of
// time: each channel of a grantee has its own end.

// Lives of the notes of grants: one of a subject that is connected somewhere is renewed where less than grantAfter is
// left, so that it holds that long after the last one has left, on whatever node.
const grantLife = grantAfter + time.Hour

// grantUntil is a grant of a note, with the note's key.
type grantUntil struct {
	grant
	key   string
	until time.Time
}

// put keeps what a note says.
func (g *grants) put(who subject, ch protocol.Channel, until time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.putLocked(who, ch, until)
}

func (g *grants) putLocked(who subject, ch protocol.Channel, until time.Time) {
	e := g.grantees[who]
	if e == nil {
		e = &grantee{subject: who}
		g.grantees[who] = e
	}
	if e.ends == nil {
		e.ends = map[protocol.Channel]time.Time{}
	}
	if _, ok := e.ends[ch]; !ok {
		e.channels = append(e.channels, ch)
		g.n++
	}
	e.ends[ch] = until
	if g.keys == nil {
		g.keys = map[string]grant{}
	}
	it := grant{who.kind, who.name, ch}
	g.keys[it.key()] = it
}

// drop forgets a channel of a subject.
func (g *grants) drop(who subject, ch protocol.Channel) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dropLocked(who, ch)
}

func (g *grants) dropLocked(who subject, ch protocol.Channel) {
	delete(g.keys, grant{who.kind, who.name, ch}.key())
	e := g.grantees[who]
	if e == nil {
		return
	}
	if _, ok := e.ends[ch]; !ok {
		return
	}
	delete(e.ends, ch)
	e.channels = slices.DeleteFunc(e.channels, func(o protocol.Channel) bool { return o == ch })
	g.n--
	if len(e.channels) == 0 && len(e.conns) == 0 {
		g.forget(e)
	}
}

// dropKey forgets what the note of a key said, and returns the connections of its subject.
func (g *grants) dropKey(key string) []*Connection {
	g.mu.Lock()
	defer g.mu.Unlock()
	it, ok := g.keys[key]
	if !ok {
		return nil
	}
	e := g.grantees[it.subject()]
	g.dropLocked(it.subject(), it.Channel)
	if e == nil {
		return nil
	}
	return slices.Clone(e.conns)
}

// replace puts all notes in the place of those of before, and returns the connections of whom they may concern.
func (g *grants) replace(all []grantUntil) (conns []*Connection) {
	g.mu.Lock()
	defer g.mu.Unlock()
	stays := make(map[string]bool, len(all))
	for _, it := range all {
		stays[it.key] = true
		g.putLocked(it.subject(), it.Channel, it.until)
	}
	for key, it := range g.keys {
		if !stays[key] {
			g.dropLocked(it.subject(), it.Channel)
		}
	}
	seen := map[*Connection]bool{}
	for _, e := range g.grantees {
		for _, c := range e.conns {
			if !seen[c] {
				seen[c] = true
				conns = append(conns, c)
			}
		}
	}
	return conns
}

// has reports whether a channel is granted to a subject.
func (g *grants) has(who subject, ch protocol.Channel) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.grantees[who]
	return e != nil && slices.Contains(e.channels, ch)
}

// mayAdd checks the bounds. It fails with CodeLimitExceeded.
func (g *grants) mayAdd(who subject, channels []protocol.Channel, now time.Time) *protocol.Error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var had []protocol.Channel
	if e := g.grantees[who]; e != nil {
		had = e.channels
	}
	var added []protocol.Channel
	for _, ch := range channels {
		if !slices.Contains(had, ch) && !slices.Contains(added, ch) {
			added = append(added, ch)
		}
	}
	switch {
	case len(had)+len(added) > maxGrants:
		return errGrants
	case g.n+len(added) > g.max:
		return errAllGrants
	}
	return nil
}

// life is how long the note of a grant is to hold: long if somebody is connected here, and no shorter than it does.
func (g *grants) life(who subject, ch protocol.Channel, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	life := grantBefore
	if e := g.grantees[who]; e != nil {
		if len(e.conns) > 0 {
			life = grantLife
		}
		life = max(life, e.ends[ch].Sub(now))
	}
	return life
}

// due returns the grants of those who are connected that are to be renewed, and forgets those that are over.
func (g *grants) due(now time.Time) (renew []grant) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, it := range g.keys {
		e := g.grantees[it.subject()]
		if e == nil {
			continue
		}
		end := e.ends[it.Channel]
		switch {
		case !now.Before(end) && len(e.conns) == 0:
			g.dropLocked(it.subject(), it.Channel)
		case len(e.conns) > 0 && end.Sub(now) < grantAfter:
			renew = append(renew, it)
		}
	}
	return renew
}
