package actors

// watchers are the members of a lane that hear who comes and goes. They are kept apart, so that the others cost nothing.
type watchers struct {
	list []watcher
	at   map[*subscription]int // in list
}

type watcher struct {
	sub  *subscription
	news audience
}

func (l *lane) hear(sub *subscription, news audience) {
	l.put(operation{do: hear, sub: sub, to: news & everybody})
}

// setWatcher says what a member hears of who comes and goes.
func (l *lane) setWatcher(sub *subscription, news audience) {
	if news == 0 || sub.index == 0 {
		l.removeWatcher(sub)
		return
	}
	if l.watch == nil {
		l.watch = &watchers{at: map[*subscription]int{}}
	}
	i, ok := l.watch.at[sub]
	if !ok {
		i = len(l.watch.list)
		l.watch.at[sub] = i
		l.watch.list = append(l.watch.list, watcher{})
	}
	l.watch.list[i] = watcher{sub, news}
}

func (l *lane) removeWatcher(sub *subscription) {
	w := l.watch
	if w == nil {
		return
	}
	i, ok := w.at[sub]
	if !ok {
		return
	}
	last := len(w.list) - 1
	w.list[i] = w.list[last]
	w.at[w.list[i].sub] = i
	w.list[last] = watcher{}
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
		w := list[l.walked]
		l.walked++
		if w.news&o.to != 0 {
			l.shard.pushTo(w.sub, o.frame)
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
		return l.watch.list[l.walked-1].sub
	}
	return nil
}
