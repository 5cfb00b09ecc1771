package redisbroker

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// lane is a connection that brings topics: all, or with a cluster those of one partition. If it breaks it is opened
// again, all topics are subscribed anew, and their listeners hear that something may be missing.
type lane struct {
	b   *Broker
	key string // any of the lane's partition: it says which server of a cluster

	mu     sync.RWMutex // guards the rest
	topics map[string]*topic
	up     *link         // nil while there is none
	change chan struct{} // closed and replaced when up changes
	runID  string        // of the process that scripts run in, "" if it is not known
	closed bool
}

// link is one connection of a lane.
type link struct {
	client rueidis.DedicatedClient
	runID  string
	broken <-chan error
	stop   chan struct{} // closed if it is to be given up
	once   sync.Once
}

func (k *link) giveUp() { k.once.Do(func() { close(k.stop) }) }

// row is how many topics are subscribed at once, and rowPause how long to wait between two rows: 5,000 a second, since
// each listener that hears of an interruption reads what it may have missed.
const (
	row      = 512
	rowPause = 100 * time.Millisecond
)

func newLane(b *Broker, partition int) *lane {
	return &lane{b: b, key: b.tag(partition) + "format", topics: map[string]*topic{}, change: make(chan struct{})}
}

// join adds a listener to a topic, which is subscribed if it is not yet.
func (l *lane) join(ctx context.Context, name string, read func(string) (any, bool), who *listener) (*topic, error) {
	for {
		t, err := l.topic(name, read)
		if err != nil {
			return nil, err
		}
		if !t.join(who) {
			continue // it was given up in between
		}
		if err := l.subscribe(ctx, t); err != nil {
			t.leave(who)
			return nil, err
		}
		return t, nil
	}
}

func (l *lane) topic(name string, read func(string) (any, bool)) (*topic, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errClosed
	}
	t := l.topics[name]
	if t == nil {
		t = newTopic(name, read)
		l.topics[name] = t
	}
	return t, nil
}

// subscribe returns when Redis has confirmed a topic on the lane's present connection.
func (l *lane) subscribe(ctx context.Context, t *topic) error {
	if err := t.take(ctx); err != nil {
		return err
	}
	defer t.give()
	k, err := l.link(ctx)
	if err != nil || t.of == k {
		return err
	}
	if err := k.client.Do(ctx, l.b.live.B().Ssubscribe().Channel(t.name).Build()).Error(); err != nil {
		return err
	}
	t.of = k
	return nil
}

// link returns the lane's connection. While there is none it waits, but not for long.
func (l *lane) link(ctx context.Context) (*link, error) {
	late := time.NewTimer(l.b.cfg.Timeout)
	defer late.Stop()
	for {
		l.mu.RLock()
		k, change, closed := l.up, l.change, l.closed
		l.mu.RUnlock()
		switch {
		case closed:
			return nil, errClosed
		case k != nil:
			return k, nil
		}
		select {
		case <-change:
		case <-late.C:
			return nil, unavailable(nil)
		case <-ctx.Done():
			return nil, errGivenUp
		}
	}
}

// set makes k the lane's connection, unless scripts run in another process since it was opened.
func (l *lane) set(k *link) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k != nil && l.runID != "" && l.runID != k.runID {
		return false
	}
	l.up = k
	close(l.change)
	l.change = make(chan struct{})
	return true
}

// serverIs has the connection opened anew if it leads to another process than the one in which scripts run: a server
// that is no master any more keeps its connections.
func (l *lane) serverIs(runID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.runID = runID; l.up != nil && l.up.runID != runID {
		l.up.giveUp()
	}
}

// run keeps the lane's connection until ctx is over.
func (l *lane) run(ctx context.Context) {
	for opened := 0; ctx.Err() == nil; {
		if k := l.open(ctx); k != nil {
			if opened++; opened > 1 {
				l.b.count.interruptions.Add(1)
				l.b.cfg.Log.Warn("the connection that brings messages was opened anew", "runID", k.runID)
			}
			if l.set(k) && l.restore(ctx, k) {
				l.keep(ctx, k)
			}
			l.set(nil)
			k.client.Close()
			if opened == 1 && ctx.Err() == nil {
				l.b.report(ctx)
			}
		}
		pause(ctx, 50*time.Millisecond+rand.N(950*time.Millisecond))
	}
}

// pause waits, and reports whether ctx is not over.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// open opens a connection, to the process in which scripts run. It returns nil if that fails.
func (l *lane) open(ctx context.Context) *link {
	client, _ := l.b.live.Dedicate()
	k := &link{client: client, stop: make(chan struct{})}
	k.broken = client.SetPubSubHooks(rueidis.PubSubHooks{
		OnMessage: func(m rueidis.PubSubMessage) {
			if t := l.find(m.Channel); t != nil {
				t.bring(m.Message)
			}
		},
		OnSubscription: func(s rueidis.PubSubSubscription) {
			if t := l.find(s.Channel); s.Kind == "sunsubscribe" && t != nil && !t.leaving.Load() {
				k.giveUp() // nobody asked for it: the channel has moved to another server
			}
		},
	})
	var err error
	if k.runID, err = client.Do(ctx, l.b.live.B().Eval().Script(askRunID).Numkeys(1).Key(l.key).Build()).ToString(); err == nil {
		l.mu.RLock()
		known := l.runID
		l.mu.RUnlock()
		if known == "" || known == k.runID {
			return k
		}
		// One of the two is of before: ask once more where scripts run.
		now, err := l.b.client.Do(ctx, l.b.client.B().Eval().Script(askRunID).Numkeys(1).Key(l.key).Build()).ToString()
		if err == nil && now == k.runID {
			l.mu.Lock()
			l.runID = now
			l.mu.Unlock()
			return k
		}
	}
	client.Close()
	return nil
}

func (l *lane) find(name string) *topic {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.topics[name]
}

func (l *lane) all() []*topic {
	l.mu.RLock()
	defer l.mu.RUnlock()
	all := make([]*topic, 0, len(l.topics))
	for _, t := range l.topics {
		all = append(all, t)
	}
	return all
}

// restore subscribes all topics on a new connection, in rows, and tells their listeners that messages may be missing. It
// reports whether the connection still works.
func (l *lane) restore(ctx context.Context, k *link) bool {
	all := l.all()
	for i := 0; i < len(all); i += row {
		if i > 0 && !pause(ctx, rowPause) || !l.restoreRow(ctx, k, all[i:min(i+row, len(all))]) {
			return false
		}
	}
	return true
}

func (l *lane) restoreRow(ctx context.Context, k *link, topics []*topic) bool {
	var taken []*topic
	defer func() {
		for _, t := range taken {
			t.give()
		}
	}()
	var ask []rueidis.Completed
	for _, t := range topics {
		if t.take(ctx) != nil {
			return false
		}
		if taken = append(taken, t); t.of == k {
			continue // somebody came in the meantime
		}
		ask = append(ask, l.b.live.B().Ssubscribe().Channel(t.name).Build())
	}
	for _, resp := range k.client.DoMulti(ctx, ask...) {
		if resp.Error() != nil {
			return false
		}
	}
	for _, t := range topics {
		if t.of != k {
			t.of = k
			t.interrupted()
		}
	}
	return true
}

// keep sweeps topics until the connection breaks.
func (l *lane) keep(ctx context.Context, k *link) {
	sweep := time.NewTicker(max(l.b.cfg.Linger/2, time.Millisecond))
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.broken:
			return
		case <-k.stop:
			return
		case <-sweep.C:
			for _, t := range l.all() {
				if !t.forsaken(l.b.cfg.Linger) {
					continue
				}
				if !l.drop(ctx, k, t) {
					return
				}
			}
		}
	}
}

// drop unsubscribes a topic that nobody hears. Who joins meanwhile waits for its turn, and subscribes it again.
func (l *lane) drop(ctx context.Context, k *link, t *topic) bool {
	if t.take(ctx) != nil {
		return false
	}
	defer t.give()
	if !t.forsaken(l.b.cfg.Linger) {
		return true
	}
	t.leaving.Store(true)
	defer t.leaving.Store(false)
	if err := k.client.Do(ctx, l.b.live.B().Sunsubscribe().Channel(t.name).Build()).Error(); err != nil {
		return false
	}
	t.of = nil
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.close(false) {
		delete(l.topics, t.name)
	}
	return true
}

func (l *lane) close() {
	l.mu.Lock()
	l.closed = true
	topics := l.topics
	l.topics = map[string]*topic{}
	l.mu.Unlock()
	for _, t := range topics {
		t.close(true)
	}
}
