package fanout

import "tidings/core"

// crowd is members of a lane that hear the same.
type crowd[M Member] struct {
	members []member[M]
	dirty   bool // pushed to since the last flush
}

// member is kept apart from what it stands for, so that a walk touches little memory.
type member[M Member] struct {
	out *core.Outbox
	of  M
}

// minShrink is how many members a crowd had, at least, before its slice is made smaller.
const minShrink = 64

func (c *crowd[M]) add(m M) {
	p := m.Place()
	if p.index == 0 {
		c.members = append(c.members, member[M]{m.Outbox(), m})
		p.index = int32(len(c.members))
	}
}

// remove reports whether m was there.
func (c *crowd[M]) remove(m M) bool {
	i := int(m.Place().index) - 1
	if i < 0 {
		return false
	}
	last := len(c.members) - 1
	c.members[i] = c.members[last]
	c.members[i].of.Place().index = int32(i + 1)
	c.members[last] = member[M]{}
	c.members = c.members[:last]
	m.Place().index = 0
	if cap(c.members) > minShrink && len(c.members) < cap(c.members)/4 {
		c.members = append(make([]member[M], 0, cap(c.members)/2), c.members...)
	}
	return true
}

// clear removes all members, and returns them.
func (c *crowd[M]) clear() []M {
	all := make([]M, len(c.members))
	for i, m := range c.members {
		all[i] = m.of
		m.of.Place().index = 0
	}
	c.members = nil
	return all
}
