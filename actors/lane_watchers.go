package actors

// watchers are the members of a lane that hear who comes and goes. They are kept apart, so that the others cost nothing.
type watchers struct {
	list []*subscription
	at   map[*subscription]int // in list
}

func (l *lane) addWatcher(sub *subscription) {
	if sub.users == 0 {
		return
	}
	if l.watch == nil {
		l.watch = &watchers{at: map[*subscription]int{}}
	}
	l.watch.at[sub] = len(l.watch.list)
	l.watch.list = append(l.watch.list, sub)
}

func (l *lane) removeWatcher(sub *subscription) {
	if sub.users == 0 {
		return
	}
	w := l.watch
	i, last := w.at[sub], len(w.list)-1
	w.list[i] = w.list[last]
	w.at[w.list[i]] = i
	w.list[last] = nil
	w.list = w.list[:last]
	delete(w.at, sub)
	if last == 0 {
		l.watch = nil
	}
}

// herald is walk for an announcement.
func (l *lane) herald(o *operation, budget int) (n int, done bool) {
	if l.watch == nil {
		return 0, true
	}
	list := l.watch.list
	end := min(len(list), l.walked+budget)
	n = end - l.walked
	for l.walked < end {
		sub := list[l.walked]
		l.walked++
		if sub.users&o.to != 0 {
			l.shard.pushTo(sub, o.frame)
		}
	}
	if l.walked < len(list) {
		return n, false
	}
	l.walked = 0
	return n, true
}

// reached is the member that a walk reached last; nil where none is under way.
func (l *lane) reached(o *operation) *subscription {
	switch {
	case l.walked == 0:
	case o.do == deliver && l.walked <= len(l.members):
		return l.members[l.walked-1].sub
	case o.do == announce && l.watch != nil && l.walked <= len(l.watch.list):
		return l.watch.list[l.walked-1]
	}
	return nil
}
