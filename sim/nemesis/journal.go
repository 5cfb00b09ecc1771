package main

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tidings/protocol"
	"tidings/sim/check"
)

// heard is one message as somebody was told of it.
type heard struct {
	channel string
	at      protocol.Position
	id      string // "" if it was not said
	data    string // see digest
	time    int64  // when the broker numbered it, Unix in ms; 0 if it was not said
}

// digest stands for a payload.
func digest(data []byte) string {
	h := fnv.New64a()
	h.Write(data)
	return fmt.Sprintf("%.40s#%x", data, h.Sum64())
}

// journal is what happened, from all sides, in memory.
type journal struct {
	begin   time.Time
	plant   string
	over    atomic.Bool // the run has ended: clients may close
	resting atomic.Bool // nobody publishes any more

	mu      sync.Mutex // guards all below
	lives   []time.Duration
	ears    map[[2]string]*ear
	kept    map[string]map[protocol.Position][]*check.Numbered // by channel
	acks    []check.Ack
	tries   int
	no      map[string]int // publishes that clients gave up, by reason
	closed  []string       // clients and subscriptions that ended
	state   map[string]string
	left    map[string]time.Duration // since when a client that was connected is not
	aways   []away
	links   map[string]int // transports that connected
	quiet   bool           // nothing is wrong, and was not for a while
	planted bool
	tops    map[string]protocol.Position
	stopped time.Duration
}

func newJournal(plant string) *journal {
	return &journal{
		begin: time.Now(), plant: plant, ears: map[[2]string]*ear{}, kept: map[string]map[protocol.Position][]*check.Numbered{},
		no: map[string]int{}, state: map[string]string{}, links: map[string]int{}, left: map[string]time.Duration{},
	}
}

func (j *journal) now() time.Duration { return time.Since(j.begin) }

func (j *journal) since(t time.Time) time.Duration { return t.Sub(j.begin) }

// began notes that the server starts, with an empty memory.
func (j *journal) began() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lives = append(j.lives, j.now())
}

// ear is one subscription of one client.
type ear struct {
	*journal
	check.Listener
}

// ear returns the subscription of a client to a channel.
func (j *journal) ear(name, channel string) *ear {
	j.mu.Lock()
	defer j.mu.Unlock()
	key := [2]string{name, channel}
	if j.ears[key] == nil {
		j.ears[key] = &ear{journal: j, Listener: check.Listener{Name: name, Channel: channel}}
	}
	return j.ears[key]
}

func (e *ear) message(at time.Duration, h heard) {
	n := e.numbered(h)
	ev := check.Event{At: at, Kind: check.Message, Position: n.Position, ID: n.ID, Data: n.Data}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.quiet && e.plant != "" && !e.planted {
		switch e.plant {
		case "loss":
			e.planted = true
			return
		case "twice":
			e.planted = true
			e.Events = append(e.Events, ev)
		case "gap":
			e.planted = true
			last := e.Events[len(e.Events)-1].Position
			e.Events = append(e.Events, check.Event{At: at, Kind: check.Gap, Reason: string(protocol.GapFeedLost), Last: last, Position: ev.Position})
			return
		}
	}
	e.Events = append(e.Events, ev)
}

func (e *ear) gap(at time.Duration, reason string, last, from protocol.Position) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.Events = append(e.Events, check.Event{At: at, Kind: check.Gap, Reason: reason, Last: last, Position: from})
}

func (e *ear) subscribed(at time.Duration, where protocol.Position, recovered bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.Events = append(e.Events, check.Event{At: at, Kind: check.Subscribed, Position: where, Recovered: recovered})
}

// numbered notes a message that somebody was told of, and returns the one note of it, whose texts all events share.
func (j *journal) numbered(h heard) *check.Numbered {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.kept[h.channel] == nil {
		j.kept[h.channel] = map[protocol.Position][]*check.Numbered{}
	}
	at := j.now()
	if h.time > 0 {
		at = j.since(time.UnixMilli(h.time))
	}
	for _, n := range j.kept[h.channel][h.at] {
		if (h.id == "" || n.ID == "" || n.ID == h.id) && n.Data == h.data {
			if n.ID == "" {
				n.ID = h.id
			}
			n.At = min(n.At, at)
			return n
		}
	}
	n := &check.Numbered{Channel: h.channel, Position: h.at, ID: h.id, Data: h.data, At: at}
	j.kept[h.channel][h.at] = append(j.kept[h.channel][h.at], n)
	return n
}

// ack notes the answer to a publish.
func (j *journal) ack(key string, h heard) {
	n := j.numbered(h)
	j.mu.Lock()
	defer j.mu.Unlock()
	n.Key = key
	j.acks = append(j.acks, check.Ack{Op: key, Channel: h.channel, Position: n.Position, ID: h.id, Data: n.Data, At: j.now()})
}

func (j *journal) tried() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tries++
}

// refused notes a publish that a client gave up.
func (j *journal) refused(reason string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.no[fmt.Sprintf("%.60s", reason)]++
}

// ended notes that a subscription, or what else should not end, did.
func (j *journal) ended(name, channel, why string) {
	if j.over.Load() {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = append(j.closed, fmt.Sprintf("at %v %s %s ended: %s", j.now().Round(time.Millisecond), name, channel, why))
}

// status notes how a client stands.
func (j *journal) status(name, state, transport string, err error) {
	if j.over.Load() {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if state == "connected" && j.state[name] != state {
		j.links[transport]++
		if since, ok := j.left[name]; ok {
			j.aways = append(j.aways, away{name, since, j.now() - since})
			delete(j.left, name)
		}
	}
	if state != "connected" && j.state[name] == "connected" {
		j.left[name] = j.now()
	}
	j.state[name] = state
	if state == "closed" {
		j.closed = append(j.closed, fmt.Sprintf("at %v %s is closed: %v", j.now().Round(time.Millisecond), name, err))
	}
}

// plants reports whether the nodes are to do wrong now, for the first time, and notes that they have.
func (j *journal) plants() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.plant != "flush" && j.plant != "split" || j.planted {
		return false
	}
	j.planted = true
	return true
}

// away is that a client was without a connection, since when and for how long.
type away struct {
	name         string
	from, length time.Duration
}

// setQuiet notes whether nothing is wrong, and was not for a while.
func (j *journal) setQuiet(quiet bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.quiet = quiet
}

// channels lists the channels that somebody listens to.
func (j *journal) channels() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := map[string]bool{}
	for key := range j.ears {
		all[key[1]] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// unsubscribed returns what is missing until so many clients are subscribed; "" for nothing.
func (j *journal) unsubscribed(clients int) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	missing, names := 0, map[string]bool{}
	for key, e := range j.ears {
		names[key[0]] = true
		if len(e.Events) == 0 {
			missing++
		}
	}
	if missing == 0 && len(names) == clients {
		return ""
	}
	return fmt.Sprintf("%d of %d clients are there, %d subscriptions are not confirmed", len(names), clients, missing)
}

// behind returns who has not heard everything, or is not connected; "" for nobody.
func (j *journal) behind() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	for key, e := range j.ears {
		if j.state[key[0]] != "connected" {
			return key[0] + " is " + j.state[key[0]]
		}
		if last := e.Events[len(e.Events)-1].Position; last != j.tops[key[1]] {
			return fmt.Sprintf("%s has heard %s of %s, whose top is %s", key[0], last, key[1], j.tops[key[1]])
		}
	}
	return ""
}

// life returns how often the server had started at a time.
func (j *journal) life(at time.Duration) int {
	return len(j.lives) - len(slices.DeleteFunc(slices.Clone(j.lives), func(began time.Duration) bool { return began <= at }))
}
