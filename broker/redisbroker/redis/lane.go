package redis

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// Lane is a connection that brings topics: all, or with a cluster those of one partition. If it breaks it is opened
// again, all topics are subscribed anew, and their listeners hear that something may be missing.
type Lane struct {
	cfg LaneConfig
	key string // any of the lane's partition: it says which server of a cluster

	mu     sync.RWMutex // guards the rest
	topics map[string]*topic
	up     *link         // nil while there is none
	change chan struct{} // closed and replaced when up changes
	runID  string        // of the process that scripts run in, "" if it is not known
	closed bool
}

// row is how many topics are subscribed at once, and rowPause how long to wait between two rows: 5,000 a second, since
// each listener that hears of an interruption reads what it may have missed.
const (
	row      = 512
	rowPause = 100 * time.Millisecond
)

// LaneConfig is what a lane is given. All is needed.
type LaneConfig struct {
	Live    rueidis.Client // brings topics
	Client  rueidis.Client // runs scripts
	Timeout time.Duration  // of a wait for the connection
	Linger  time.Duration  // of a topic that nobody hears any more
	Log     *slog.Logger
	// Reopened is called if the connection was opened anew, Lost if the first one is over.
	Reopened func()
	Lost     func(context.Context)
}

// NewLane returns the lane of a partition. Run keeps its connection.
func NewLane(cfg LaneConfig, layout Layout, partition int) *Lane {
	return &Lane{cfg: cfg, key: layout.formatKey(partition), topics: map[string]*topic{}, change: make(chan struct{})}
}

// Join adds a listener to a topic, which is subscribed if it is not yet. It returns when Redis has confirmed. Stop
// waits for what is being brought.
func (l *Lane) Join(ctx context.Context, name string, read func(string) (any, bool), who *Listener) (stop func(), err error) {
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
		return sync.OnceFunc(func() { t.leave(who) }), nil
	}
}

func (l *Lane) topic(name string, read func(string) (any, bool)) (*topic, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	t := l.topics[name]
	if t == nil {
		t = newTopic(name, read)
		l.topics[name] = t
	}
	return t, nil
}

// subscribe returns when Redis has confirmed a topic on the lane's present connection.
func (l *Lane) subscribe(ctx context.Context, t *topic) error {
	if err := t.take(ctx); err != nil {
		return err
	}
	defer t.give()
	k, err := l.link(ctx)
	if err != nil || t.of == k {
		return err
	}
	if err := k.client.Do(ctx, l.cfg.Live.B().Ssubscribe().Channel(t.name).Build()).Error(); err != nil {
		return err
	}
	t.of = k
	return nil
}

// link returns the lane's connection. While there is none it waits, but not for long.
func (l *Lane) link(ctx context.Context) (*link, error) {
	late := time.NewTimer(l.cfg.Timeout)
	defer late.Stop()
	for {
		l.mu.RLock()
		k, change, closed := l.up, l.change, l.closed
		l.mu.RUnlock()
		switch {
		case closed:
			return nil, ErrClosed
		case k != nil:
			return k, nil
		}
		select {
		case <-change:
		case <-late.C:
			return nil, Unavailable(nil)
		case <-ctx.Done():
			return nil, ErrGivenUp
		}
	}
}

// set makes k the lane's connection, unless scripts run in another process since it was opened.
func (l *Lane) set(k *link) bool {
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

// ServerIs has the connection opened anew if it leads to another process than the one in which scripts run: a server
// that is no master any more keeps its connections.
func (l *Lane) ServerIs(runID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.runID = runID; l.up != nil && l.up.runID != runID {
		l.up.giveUp()
	}
}

// Run keeps the lane's connection until ctx is over.
func (l *Lane) Run(ctx context.Context) {
	for opened := 0; ctx.Err() == nil; {
		if k := l.open(ctx); k != nil {
			if opened++; opened > 1 {
				l.cfg.Reopened()
				l.cfg.Log.Warn("the connection that brings messages was opened anew", "runID", k.runID)
			}
			if l.set(k) && l.restore(ctx, k) {
				l.keep(ctx, k)
			}
			l.set(nil)
			k.client.Close()
			if opened == 1 && ctx.Err() == nil {
				l.cfg.Lost(ctx)
			}
		}
		Pause(ctx, 50*time.Millisecond+rand.N(950*time.Millisecond))
	}
}

// open opens a connection, to the process in which scripts run. It returns nil if that fails.
func (l *Lane) open(ctx context.Context) *link {
	client, _ := l.cfg.Live.Dedicate()
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
	if k.runID, err = client.Do(ctx, l.cfg.Live.B().Eval().Script(askRunID).Numkeys(1).Key(l.key).Build()).ToString(); err == nil {
		l.mu.RLock()
		known := l.runID
		l.mu.RUnlock()
		if known == "" || known == k.runID {
			return k
		}
		// One of the two is of before: ask once more where scripts run.
		now, err := l.cfg.Client.Do(ctx, l.cfg.Client.B().Eval().Script(askRunID).Numkeys(1).Key(l.key).Build()).ToString()
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

func (l *Lane) find(name string) *topic {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.topics[name]
}

func (l *Lane) all() []*topic {
	l.mu.RLock()
	defer l.mu.RUnlock()
	all := make([]*topic, 0, len(l.topics))
	for _, t := range l.topics {
		all = append(all, t)
	}
	return all
}

// restore subscribes all topics on a new connection, in rows, and tells their listeners that messages may be missing.
// It reports whether the connection still works.
func (l *Lane) restore(ctx context.Context, k *link) bool {
	all := l.all()
	for i := 0; i < len(all); i += row {
		if i > 0 && !Pause(ctx, rowPause) || !l.restoreRow(ctx, k, all[i:min(i+row, len(all))]) {
			return false
		}
	}
	return true
}

func (l *Lane) restoreRow(ctx context.Context, k *link, topics []*topic) bool {
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
		ask = append(ask, l.cfg.Live.B().Ssubscribe().Channel(t.name).Build())
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
func (l *Lane) keep(ctx context.Context, k *link) {
	sweep := time.NewTicker(max(l.cfg.Linger/2, time.Millisecond))
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
				if !t.forsaken(l.cfg.Linger) {
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
func (l *Lane) drop(ctx context.Context, k *link, t *topic) bool {
	if t.take(ctx) != nil {
		return false
	}
	defer t.give()
	if !t.forsaken(l.cfg.Linger) {
		return true
	}
	t.leaving.Store(true)
	defer t.leaving.Store(false)
	if err := k.client.Do(ctx, l.cfg.Live.B().Sunsubscribe().Channel(t.name).Build()).Error(); err != nil {
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

// Close ends all topics. Run ends with its context.
func (l *Lane) Close() {
	l.mu.Lock()
	l.closed = true
	topics := l.topics
	l.topics = map[string]*topic{}
	l.mu.Unlock()
	for _, t := range topics {
		t.close(true)
	}
}
