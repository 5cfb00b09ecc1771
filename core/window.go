package core

// Window remembers the last ids of a channel, at most max. The zero value is not usable; see NewWindow.
type Window struct {
	max  int
	ring []string
	next int
	set  map[string]struct{}
}

// NewWindow makes a window of max ids. It takes memory as ids come.
func NewWindow(max int) *Window { return &Window{max: max, set: map[string]struct{}{}} }

// Seen reports whether id is among the last ids, and remembers it.
func (w *Window) Seen(id string) bool {
	if _, ok := w.set[id]; ok {
		return true
	}
	if len(w.ring) < w.max {
		w.ring = append(w.ring, id)
	} else {
		delete(w.set, w.ring[w.next])
		w.ring[w.next] = id
		w.next = (w.next + 1) % w.max
	}
	w.set[id] = struct{}{}
	return false
}
