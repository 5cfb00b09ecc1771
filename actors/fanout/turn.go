package fanout

import "tidings/protocol"

// turn carries out operations of a lane. It reports whether there are more.
func (s *Shard[M]) turn(l *Lane[M]) (more bool) {
	defer s.survive(l, &more)
	budget := turnPushes
	for range turnOperations {
		if l.next == len(l.batch) && !s.refill(l) {
			return false
		}
		o := &l.batch[l.next]
		if o.do != deliver && o.do != announce {
			budget -= l.carryOut(o)
		} else {
			n, done := l.walk(o, budget)
			s.delivering(l, o, n)
			budget -= n
			if !done {
				return true
			}
		}
		l.next++
		l.traffic.Done(1)
		if budget <= 0 {
			break
		}
	}
	return true
}

// delivering counts n pushes of an operation. An announcement counts by itself.
func (s *Shard[M]) delivering(l *Lane[M], o *operation[M], n int) {
	if n == 0 || o.do == announce {
		return
	}
	s.pushed += n
	s.heats(l, n)
	if l.frames++; l.frames == 1 {
		s.dirty = append(s.dirty, l)
	}
	if o.message {
		s.delivered.Add(uint64(n - l.passed))
		if l.passed > 0 {
			s.passedBy.Add(uint64(l.passed))
			l.passed = 0
		}
	}
}

// refill takes what was put on the lane meanwhile. It reports false if there is nothing: then the lane has no turn any
// more.
func (s *Shard[M]) refill(l *Lane[M]) bool {
	clear(l.batch)
	s.mu.Lock()
	defer s.mu.Unlock()
	if cap(l.batch) > cap(s.spare) && cap(l.batch) <= MaxInFlight {
		s.spare = l.batch[:0] // so that a quiet lane holds no queue, and a busy one need not make one
	}
	l.batch, l.next = l.queue, 0
	l.queue = nil
	l.active = len(l.batch) > 0
	return l.active
}

// survive keeps a panic of one outbox's link from ending the process: that connection ends, the others go on.
func (s *Shard[M]) survive(l *Lane[M], more *bool) {
	reason := recover()
	if reason == nil {
		return
	}
	s.port.Failed("a delivery failed", reason)
	*more = true
	o := &l.batch[l.next]
	if m, ok := l.reached(o); ok {
		s.port.Broken(m)
		return // the walk goes on behind it
	}
	var none M
	if o.member != none {
		s.port.Broken(o.member)
	}
	l.next++
	l.walked, l.at, l.grouped = 0, 0, false
	l.traffic.Done(1)
}

// walk pushes a frame to the members that it has not reached yet, at most budget of them. It returns how many that
// were, and reports whether it is through.
func (l *Lane[M]) walk(o *operation[M], budget int) (n int, done bool) {
	if o.do == announce {
		return l.herald(o, budget)
	}
	if o.frame != nil && l.at == 0 && !l.grouped {
		var instead *protocol.Encoded
		if o.but != nil {
			instead = o.but.Frame
		}
		if n, done = l.push(&l.all, o, o.frame, instead, budget); !done {
			return n, false
		}
	}
	if o.groups == nil {
		return n, true
	}
	l.grouped = true
	more, done := l.walkGroups(o, budget-n)
	l.grouped = !done
	return n + more, done
}

// herald is walk for an announcement.
func (l *Lane[M]) herald(o *operation[M], budget int) (n int, done bool) {
	w := l.watch[o.group]
	if w == nil {
		return 0, true
	}
	list := w.list
	end := min(len(list), l.walked+budget)
	n = end - l.walked
	for l.walked < end {
		w := list[l.walked]
		l.walked++
		if w.hears&o.to != 0 {
			l.shard.pushTo(w.of, o.frame)
		}
	}
	if l.walked < len(list) {
		return n, false
	}
	l.walked = 0
	return n, true
}

// reached returns the member that a walk reached last. It reports false if none is under way.
func (l *Lane[M]) reached(o *operation[M]) (m M, ok bool) {
	c := &l.all
	if l.grouped && l.at < len(o.groups) {
		c = l.groups[o.groups[l.at].Group]
	}
	switch {
	case l.walked == 0:
	case o.do == deliver && l.walked <= len(c.members):
		return c.members[l.walked-1].of, true
	case o.do == announce:
		if w := l.watch[o.group]; w != nil && l.walked <= len(w.list) {
			return w.list[l.walked-1].of, true
		}
	}
	return m, false
}

// carryOut does what concerns few. It returns how many frames it pushed.
func (l *Lane[M]) carryOut(o *operation[M]) int {
	s := l.shard
	switch o.do {
	case push:
		s.pushTo(o.member, o.frame)
		return 1
	case replay, lastPage:
		for _, frame := range o.frames {
			s.pushTo(o.member, frame)
		}
		s.delivered.Add(Messages(o.frames))
		if o.do == replay {
			s.port.Next(o.member, o.asker)
		}
		return len(o.frames)
	case arrive:
		l.add(o.member, o.group)
		s.port.Live(o.member)
	case enter:
		l.add(o.member, o.group)
	case hear:
		l.setWatcher(o.member, o.group, o.to)
	case leave:
		l.remove(o.member)
	case withdraw:
		s.port.Withdraw(o.member)
		if o.frame != nil {
			s.pushTo(o.member, o.frame)
			return 1
		}
	case displace:
		o.then(l.clear())
	}
	return 0
}

// setWatcher makes a member hear these news of who comes and goes.
func (l *Lane[M]) setWatcher(m M, of *Group, news Audience) {
	p := m.Place()
	if news == 0 || p.index == 0 || p.news != of {
		l.unwatch(m)
	}
	if news == 0 || p.index == 0 {
		return
	}
	w := l.watch[of]
	if w == nil {
		w = &watchers[M]{at: map[M]int{}}
		if l.watch == nil {
			l.watch = map[*Group]*watchers[M]{}
		}
		l.watch[of] = w
	}
	p.news = of
	w.set(m, news)
}

func (l *Lane[M]) unwatch(m M) {
	p := m.Place()
	w := l.watch[p.news]
	if w == nil {
		return
	}
	if w.remove(m); len(w.list) > 0 {
		return
	}
	if delete(l.watch, p.news); len(l.watch) == 0 {
		l.watch = nil
	}
}
