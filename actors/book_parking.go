package actors

import (
	"slices"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// parking holds the parked connections, and only them, in the order in which they were parked: if there are too many,
// of one user or in all, the oldest ends. How long each may stay is its own actor's business.
type parking struct {
	perUser int

	mu    sync.Mutex // guards all below
	all   *lru.Cache[*Connection, struct{}]
	users map[string][]*Connection // oldest first, of those who are not anonymous
}

func newParking(max, perUser int) *parking {
	all, err := lru.New[*Connection, struct{}](max)
	if err != nil {
		panic(err) // max is positive: Config has a default
	}
	return &parking{perUser: perUser, all: all, users: map[string][]*Connection{}}
}

// add parks c. It returns the connections that have to end for it.
func (p *parking) add(c *Connection) (out []*Connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if oldest, _, ok := p.all.GetOldest(); ok && !p.all.Contains(c) && p.all.Add(c, struct{}{}) {
		p.forgetUser(oldest)
		out = append(out, oldest)
	} else {
		p.all.Add(c, struct{}{})
	}
	user := c.Identity().User
	if user == "" {
		return out
	}
	p.forgetUser(c)
	p.users[user] = append(p.users[user], c)
	for len(p.users[user]) > p.perUser {
		oldest := p.users[user][0]
		p.users[user] = p.users[user][1:]
		p.all.Remove(oldest)
		out = append(out, oldest)
	}
	return out
}

func (p *parking) remove(c *Connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all.Remove(c) {
		p.forgetUser(c)
	}
}

func (p *parking) forgetUser(c *Connection) {
	user := c.Identity().User
	if user == "" {
		return
	}
	list := slices.DeleteFunc(p.users[user], func(d *Connection) bool { return d == c })
	if len(list) == 0 {
		delete(p.users, user)
		return
	}
	p.users[user] = list
}

func (p *parking) len() int { return p.all.Len() }
