package redisbroker

import (
	"maps"
	"slices"
	"sync"

	"tidings/protocol"
)

// crowd is what this node told Redis of who is there, by partition, so that it can say it again.
type crowd struct {
	mu    sync.Mutex // guards the rest
	parts map[int]*part
	wake  chan struct{} // has an element if a part has to be said again
}

// part is what the node said in one partition.
type part struct {
	members map[protocol.Channel]map[protocol.Member]struct{}
	heard   map[protocol.Channel]int
	leased  bool // Redis took something, and its lease is renewed since
	again   bool // all has to be said again
}

func (c *crowd) init() { c.parts, c.wake = map[int]*part{}, make(chan struct{}, 1) }

func (c *crowd) part(p int) *part {
	x := c.parts[p]
	if x == nil {
		x = &part{members: map[protocol.Channel]map[protocol.Member]struct{}{}, heard: map[protocol.Channel]int{}}
		c.parts[p] = x
	}
	return x
}

func (c *crowd) note(p int, ch protocol.Channel, joined, left []protocol.Member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.part(p)
	in := x.members[ch]
	if in == nil {
		in = map[protocol.Member]struct{}{}
		x.members[ch] = in
	}
	for _, m := range joined {
		in[m] = struct{}{}
	}
	for _, m := range left {
		delete(in, m)
	}
	if len(in) == 0 {
		delete(x.members, ch)
	}
}

func (c *crowd) hears(p int, ch protocol.Channel, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if x := c.part(p); n > 0 {
		x.heard[ch] = n
	} else {
		delete(x.heard, ch)
	}
}

// expects returns "1" if Redis should know the node in a partition.
func (c *crowd) expects(p int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.part(p).leased {
		return "1"
	}
	return "0"
}

func (c *crowd) renewed(p int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.part(p).leased = true
}

// lost notes that Redis has taken back all that the node said in a partition.
func (c *crowd) lost(p int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.part(p)
	x.leased, x.again = false, true
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// restate notes that the server of some partitions is another process, which may have lost what the node said, or kept
// what is no longer true.
func (c *crowd) restate(ofServer func(p int) bool) {
	for _, p := range c.leased() {
		if ofServer(p) {
			c.lost(p)
		}
	}
}

// leased returns the partitions where Redis knows something of the node.
func (c *crowd) leased() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []int
	for p, x := range c.parts {
		if x.leased {
			list = append(list, p)
		}
	}
	return list
}

// saying is what has to be said again in one partition.
type saying struct {
	members map[protocol.Channel][]protocol.Member
	heard   map[protocol.Channel]int
}

// again returns what has to be said again, by partition.
func (c *crowd) again() map[int]saying {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[int]saying{}
	for p, x := range c.parts {
		if !x.again {
			continue
		}
		x.again = false
		s := saying{map[protocol.Channel][]protocol.Member{}, maps.Clone(x.heard)}
		for ch, in := range x.members {
			s.members[ch] = slices.Collect(maps.Keys(in))
		}
		all[p] = s
	}
	return all
}

// leave forgets all that was said, and returns the partitions in which Redis knows something of it.
func (c *crowd) leave() (leased []int) {
	leased = c.leased()
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.parts)
	return leased
}

// still parts members into those who are there now, and those who have left.
func (c *crowd) still(p int, ch protocol.Channel, members []protocol.Member) (there, gone []protocol.Member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	in := c.part(p).members[ch]
	for _, m := range members {
		if _, ok := in[m]; ok {
			there = append(there, m)
		} else {
			gone = append(gone, m)
		}
	}
	return there, gone
}

// count returns how many subscriptions the node last said that a channel has.
func (c *crowd) count(p int, ch protocol.Channel) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.part(p).heard[ch]
}
