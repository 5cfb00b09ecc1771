package actors

// reach counts the channel's members that hear messages now, and how many of them are parked and on long-poll. The members are counted by
// the channel and the others by their connections, so that for a moment the parts may be behind the whole, but never exceed it.
func (e *entry) reach() (receivers, parked, polling int) {
	receivers = int(e.live.Load())
	parked = min(int(e.parked.Load()), receivers)
	polling = min(int(e.polling.Load()), receivers-parked)
	return receivers, parked, polling
}

// stand counts a subscription of a connection in this state, n being 1 or -1.
func (e *entry) stand(state sessionState, kind transportKind, n int32) {
	switch {
	case state == parked:
		e.parked.Add(n)
	case state == linked && kind == pollKind:
		e.polling.Add(n)
	}
}
