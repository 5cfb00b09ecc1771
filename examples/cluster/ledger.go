package main

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// ledger has what was published and what each listener heard.
type ledger struct {
	mu        sync.Mutex        // guards all below
	published int               // the newest number that was acknowledged
	repeats   int               // publishes that had to be sent again, each with its key
	taken     map[string]int    // publishes by a node's name
	carried   map[string]int    // messages by the id of a node's life
	names     map[string]string // of nodes, by the ids of their lives
	listeners []*listener
	events    []happening
}

// happening is a line of what happened.
type happening struct {
	At   int64  `json:"at"` // Unix milliseconds
	Text string `json:"text"`
}

func newLedger() *ledger {
	return &ledger{taken: map[string]int{}, carried: map[string]int{}, names: map[string]string{}}
}

// listener is what one client heard of the numbers 1, 2, 3 … of the publisher.
type listener struct {
	Name      string `json:"name"`
	Transport string `json:"transport"`
	Node      string `json:"node"`  // the id of the node that carries it, "" while none does
	Heard     int    `json:"heard"` // the newest number
	Messages  int    `json:"messages"`
	Lost      int    `json:"lost"`
	Twice     int    `json:"twice"`
	Gaps      int    `json:"gaps"` // that it was told
	Moves     int    `json:"moves"`

	last string // the node that carried it last
}

func (l *ledger) listener(name, transport string) *listener {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := &listener{Name: name, Transport: transport}
	l.listeners = append(l.listeners, one)
	return one
}

// heard notes that a listener was handed a number. All before it must have come before it.
func (l *ledger) heard(one *listener, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case one.Messages > 0 && n <= one.Heard:
		one.Twice++
	case one.Messages > 0:
		one.Lost += n - one.Heard - 1
	}
	one.Messages++
	one.Heard = max(one.Heard, n)
	l.carried[one.last]++
}

func (l *ledger) gap(one *listener) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one.Gaps++
}

// at notes by which connection a listener is carried now.
func (l *ledger) at(one *listener, connected bool, connection string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one.Node = ""; connected {
		one.Node = nodeOf(connection)
		if one.last != "" && one.last != one.Node {
			one.Moves++
		}
		one.last = one.Node
	}
}

// nodeOf returns the id of a connection's node, with which that of the connection begins.
func nodeOf(connection string) string {
	id, _, _ := strings.Cut(connection, ".")
	return id
}

// born notes the id of a node's new life.
func (l *ledger) born(id, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.names[id] = name
}

// acknowledged notes that a number was published, by which node, and how often it had to be sent.
func (l *ledger) acknowledged(n int, node string, tries int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.published = n
	l.repeats += tries - 1
	l.taken[node]++
}

// keptEvents is how many lines of what happened are kept.
const keptEvents = 20

func (l *ledger) happened(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, happening{time.Now().UnixMilli(), text})
	l.events = slices.Clone(l.events[max(0, len(l.events)-keptEvents):])
}
