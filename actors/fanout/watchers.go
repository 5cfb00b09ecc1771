package fanout

// watchers are the members of a lane that hear who comes and goes. They are kept apart, so that the others cost
// nothing.
type watchers[M Member] struct {
	list []watcher[M]
	at   map[M]int // in list
}

type watcher[M Member] struct {
	of    M
	hears Audience
}

func (w *watchers[M]) set(m M, hears Audience) {
	i, ok := w.at[m]
	if !ok {
		i = len(w.list)
		w.at[m] = i
		w.list = append(w.list, watcher[M]{})
	}
	w.list[i] = watcher[M]{m, hears}
}

func (w *watchers[M]) remove(m M) {
	i, ok := w.at[m]
	if !ok {
		return
	}
	last := len(w.list) - 1
	w.list[i] = w.list[last]
	w.at[w.list[i].of] = i
	w.list[last] = watcher[M]{}
	w.list = w.list[:last]
	delete(w.at, m)
}
