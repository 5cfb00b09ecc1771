package fanout

import "tidings/protocol"

// crowdOf returns the crowd of a group, nil if it has no member here. Of a nil group it is that of all.
func (l *Lane[M]) crowdOf(g *Group) *crowd[M] {
	if g == nil {
		return &l.all
	}
	return l.groups[g]
}

func (l *Lane[M]) add(m M, g *Group) {
	c := l.crowdOf(g)
	if c == nil {
		if l.groups == nil {
			l.groups = map[*Group]*crowd[M]{}
		}
		c = &crowd[M]{}
		l.groups[g] = c
	}
	if m.Place().index == 0 {
		c.add(m)
		m.Place().group = g
	}
}

func (l *Lane[M]) remove(m M) {
	g := m.Place().group
	c := l.crowdOf(g)
	if c == nil || !c.remove(m) {
		return
	}
	m.Place().group = nil
	l.shard.touched(m.Outbox()) // what was pushed is not flushed by way of the members any more
	l.unwatch(m)
	if g != nil && len(c.members) == 0 {
		l.forget(g)
	}
}

// forget drops the crowd of a group.
func (l *Lane[M]) forget(g *Group) {
	if delete(l.groups, g); len(l.groups) == 0 {
		l.groups = nil
	}
}

// clear removes all members, and returns them.
func (l *Lane[M]) clear() []M {
	var all []M
	empty := func(c *crowd[M]) {
		for i := range c.members {
			l.shard.touched(c.members[i].out)
			c.members[i].of.Place().group = nil
		}
		all = append(all, c.clear()...)
	}
	empty(&l.all)
	for _, c := range l.groups {
		empty(c)
	}
	l.watch, l.groups = nil, nil
	return all
}

// walkGroups is walk for the groups of a frame.
func (l *Lane[M]) walkGroups(o *operation[M], budget int) (n int, done bool) {
	for l.at < len(o.groups) {
		if n >= budget {
			return n, false
		}
		s := &o.groups[l.at]
		if c := l.groups[s.Group]; c != nil {
			k, through := l.push(c, o, s.Frame, s.Instead, budget-n)
			if n += k; !through {
				return n, false
			}
		}
		l.at++
	}
	l.at = 0
	return n, true
}

// push pushes a frame, or, to an exception, what it gets instead, to the members of a crowd that the walk has not
// reached yet, at most budget of them.
func (l *Lane[M]) push(c *crowd[M], o *operation[M], frame, instead *protocol.Encoded, budget int) (n int, done bool) {
	end := min(len(c.members), l.walked+budget)
	n = end - l.walked
	if n > 0 && !c.dirty {
		c.dirty = true
		l.dirty = append(l.dirty, c)
	}
	for l.walked < end {
		m := &c.members[l.walked]
		l.walked++ // first: should this push fail, the next turn goes on behind it
		f := frame
		if o.but != nil && o.but.has(m.out) {
			l.passed++
			if f = instead; f == nil {
				continue
			}
		}
		if !m.out.Push(f) {
			l.shard.port.Overflowed(m.of)
		}
	}
	if l.walked < len(c.members) {
		return n, false
	}
	l.walked = 0
	return n, true
}
