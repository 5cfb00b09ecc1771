package dashboard

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Channel is where a building hints that its visitors changed.
const Channel = "demo/building"

const (
	meanPause  = 30 * time.Second // between two visitors who come or go by themselves
	lookedAt   = 2 * time.Minute  // after the last request nobody comes or goes any more
	maxInside  = 60
	minInside  = 14
	keptHours  = 12
	keptChange = 40
)

// Building is a pretend building. Visitors come and go while somebody looks, and each change is hinted on Channel,
// after it happened: what a real backend does when its transaction is committed. It is safe for concurrent use.
type Building struct {
	hint func() // publishes on Channel; called without the lock

	mu      sync.Mutex
	random  *rand.Rand
	opened  time.Time
	inside  []visitor
	hours   map[int64]int // arrivals by the hour's start, Unix seconds
	today   int
	next    int
	changes []change // newest last
	asked   time.Time
	living  bool
}

type visitor struct {
	ID    int    `json:"id"`
	Name  string `json:"name"`
	Floor int    `json:"floor"`
	Since int64  `json:"since"` // Unix ms
}

// change is somebody who came or went.
type change struct {
	N     int    `json:"n"`
	At    int64  `json:"at"`   // Unix ms
	Kind  string `json:"kind"` // "arrived", "left"
	Name  string `json:"name"`
	Floor int    `json:"floor"`
}

type floor struct {
	Name   string `json:"name"`
	People int    `json:"people"`
	Seats  int    `json:"seats"`
}

type hour struct {
	Start    int64 `json:"start"` // Unix ms
	Arrivals int   `json:"arrivals"`
}

// state is the answer to GET visitors.
type state struct {
	Now     int64     `json:"now"` // Unix ms: what is as old as that is in the answer
	Inside  []visitor `json:"inside"`
	Floors  []floor   `json:"floors"`
	Hours   []hour    `json:"hours"`
	Today   int       `json:"today"`
	Stay    int       `json:"stay"` // seconds, on average, of those inside
	Changes []change  `json:"changes"`
}

var floors = []floor{{Name: "Café", Seats: 12}, {Name: "Studio", Seats: 16}, {Name: "Workshop", Seats: 12}, {Name: "Library", Seats: 10}, {Name: "Roof", Seats: 10}}

var names = []string{
	"Ada Lovelace", "Grace Hopper", "Alan Turing", "Katherine Johnson", "Edsger Dijkstra", "Barbara Liskov", "Donald Knuth", "Hedy Lamarr", "Claude Shannon",
	"Radia Perlman", "Tim Berners-Lee", "Margaret Hamilton", "Dennis Ritchie", "Frances Allen", "John Backus", "Annie Easley", "Niklaus Wirth", "Karen Jones",
	"Tony Hoare", "Lynn Conway", "Leslie Lamport", "Mary Keller", "Ken Thompson", "Joan Clarke", "Vint Cerf", "Adele Goldberg", "Alan Kay", "Sophie Wilson",
	"Robin Milner", "Jean Bartik", "Ivan Sutherland", "Evelyn Granville", "Butler Lampson", "Shafi Goldwasser", "Per Hansen", "Erna Hoover",
}

// NewBuilding makes a building with some people in it and a past of half a day. hint is called after each change.
func NewBuilding(random *rand.Rand, hint func()) *Building {
	now := time.Now()
	b := &Building{random: random, hint: hint, opened: now, hours: map[int64]int{}}
	shape := []int{6, 9, 14, 21, 26, 19, 13, 16, 22, 17, 11, 4}
	for i, usual := range shape {
		n := usual + random.IntN(5)
		b.hours[now.Add(time.Duration(i-keptHours+1)*time.Hour).Truncate(time.Hour).Unix()] = n
		b.today += n
	}
	for range 24 {
		v := b.newVisitor(now.Add(-time.Duration(random.IntN(150)) * time.Minute))
		b.inside = append(b.inside, v)
	}
	slices.SortFunc(b.inside, func(x, y visitor) int { return int(x.Since - y.Since) })
	return b
}

func (b *Building) newVisitor(since time.Time) visitor {
	b.next++
	for {
		v := visitor{ID: b.next, Name: names[b.random.IntN(len(names))], Floor: b.random.IntN(len(floors)), Since: since.UnixMilli()}
		there := slices.ContainsFunc(b.inside, func(o visitor) bool { return o.Name == v.Name })
		if !there || len(b.inside) >= len(names) {
			return v
		}
	}
}

// Arrive takes somebody in, and returns who; false if the building is full.
func (b *Building) Arrive() (change, bool) {
	b.mu.Lock()
	if len(b.inside) >= maxInside {
		b.mu.Unlock()
		return change{}, false
	}
	now := time.Now()
	v := b.newVisitor(now)
	b.inside = append(b.inside, v)
	b.today++
	b.hours[now.Truncate(time.Hour).Unix()]++
	c := b.changed(now, "arrived", v)
	b.mu.Unlock()
	b.hint()
	return c, true
}

// Leave sends away somebody that came long ago; false if nobody is left.
func (b *Building) Leave() (change, bool) {
	b.mu.Lock()
	if len(b.inside) == 0 {
		b.mu.Unlock()
		return change{}, false
	}
	i := b.random.IntN(max(1, len(b.inside)/2))
	v := b.inside[i]
	b.inside = slices.Delete(b.inside, i, i+1)
	c := b.changed(time.Now(), "left", v)
	b.mu.Unlock()
	b.hint()
	return c, true
}

func (b *Building) changed(now time.Time, kind string, v visitor) change {
	n := 1
	if len(b.changes) > 0 {
		n = b.changes[len(b.changes)-1].N + 1
	}
	c := change{N: n, At: now.UnixMilli(), Kind: kind, Name: v.Name, Floor: v.Floor}
	b.changes = append(b.changes, c)
	if len(b.changes) > keptChange {
		b.changes = slices.Delete(b.changes, 0, 1)
	}
	return c
}

// State is the building as it stands, as JSON. Who looks keeps it alive, unless still.
func (b *Building) State(still bool) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if !still {
		b.asked = now
		b.live(3 * time.Second) // soon for who has just come
	}
	s := state{Now: now.UnixMilli(), Inside: b.inside, Floors: slices.Clone(floors), Today: b.today, Changes: b.changes}
	for _, v := range b.inside {
		s.Floors[v.Floor].People++
		s.Stay += int(s.Now-v.Since) / 1000 / len(b.inside)
	}
	for i := range keptHours {
		start := now.Add(time.Duration(i-keptHours+1) * time.Hour).Truncate(time.Hour)
		s.Hours = append(s.Hours, hour{Start: start.UnixMilli(), Arrivals: b.hours[start.Unix()]})
	}
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err) // only of types that JSON does not have
	}
	return raw
}

// live sets the clock for the next visitor, unless it runs.
func (b *Building) live(pause time.Duration) {
	if b.living {
		return
	}
	b.living = true
	time.AfterFunc(pause, b.happen)
}

// happen makes somebody come or go by themselves.
func (b *Building) happen() {
	b.mu.Lock()
	b.living = false
	n := len(b.inside)
	arrive := n <= minInside || n < maxInside/2 && b.random.IntN(2) == 0
	if time.Since(b.asked) > lookedAt {
		b.mu.Unlock()
		return
	}
	b.live(min(time.Duration(b.random.ExpFloat64()*float64(meanPause)), 3*meanPause))
	b.mu.Unlock()
	if arrive {
		b.Arrive()
	} else {
		b.Leave()
	}
}
