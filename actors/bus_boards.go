package actors

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"tidings/broker"
	"tidings/protocol"
	"time"
)

// What every node must know is a note in the broker: revocations and grants. Each node has a copy, which the notes feed.
const (
	revocationsBoard = "revocations"
	grantsBoard      = "grants"
)

// notes is the board of the broker; nil if the node is alone, and its books are its own.
func (b *Bus) notes() broker.Board {
	if b.cluster == nil {
		return nil
	}
	return b.cluster.board
}

// keyOfNote is the key of a note about a name, which may be longer than keys are.
func keyOfNote(kind, name string) string {
	sum := sha256.Sum256([]byte(name))
	return kind + " " + base64.RawURLEncoding.EncodeToString(sum[:])
}

// errUnnoted is for a note of which it is not known whether it was kept.
var errUnnoted = &protocol.Error{Code: protocol.CodeTimeout, Reason: "the broker did not answer in time; it may or may not have happened", Hint: "Send it again: it has one effect."}

// revocation is a note that a token, or all of a user until now, count no more.
type revocation struct {
	User  bool   `json:"user,omitempty"`
	Name  string `json:"name"`
	Since int64  `json:"since,omitempty"` // Unix nanoseconds, for a user
}

func (r revocation) key() string {
	if r.User {
		return keyOfNote("user", r.Name)
	}
	return keyOfNote("token", r.Name)
}

// note has all nodes know it, until then.
func (r revocation) note(b *Bus, until time.Time) *protocol.Error {
	board := b.notes()
	if board == nil {
		return nil
	}
	text, err := json.Marshal(r)
	if err == nil {
		err = b.call(func(ctx context.Context) error {
			return board.Note(ctx, revocationsBoard, r.key(), text, time.Until(until))
		})
	}
	if err != nil {
		return b.failure(err, errUnnoted)
	}
	return nil
}

// apply has this node know it. What it ends is for its caller.
func (r revocation) apply(b *Bus, until time.Time) *protocol.Error {
	if r.User {
		return b.revocations.RevokeUser(r.Name, time.Unix(0, r.Since), until)
	}
	return b.revocations.RevokeToken(r.Name, until)
}

// revocationsWall hears the notes of revocations.
type revocationsWall struct{ bus *Bus }

// All keeps what is not among the notes: a revocation ends by its time alone.
func (w revocationsWall) All(notes []broker.Note) {
	for _, n := range notes {
		w.Changed(n)
	}
}

func (w revocationsWall) Changed(n broker.Note) {
	var r revocation
	if n.Value == nil || json.Unmarshal(n.Value, &r) != nil {
		return
	}
	if fault := r.apply(w.bus, time.Now().Add(n.Left)); fault != nil {
		w.bus.log.Warn("a revocation of another node is not kept", "error", fault)
	}
	w.bus.cluster.signal(w.bus.cluster.revoked)
}

// signal has the goroutine that waits for c look. It never waits.
func (c *clustered) signal(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

// enforce ends connections that other nodes revoked, and renews grants, until the bus stops.
func (c *clustered) enforce() {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-c.bus.ctx.Done():
			return
		case <-c.revoked:
			c.bus.endWhere(c.bus.revocations.Revoked, errRevoked)
		case <-c.granted:
			c.renew()
		case <-tick.C:
			c.renew()
		}
	}
}

// grant is a note that a subject is granted a channel.
type grant struct {
	Kind    subjectKind      `json:"kind"`
	Name    string           `json:"name"`
	Channel protocol.Channel `json:"channel"`
}

func (g grant) key() string {
	return keyOfNote(string(rune('0'+g.Kind)), g.Name) + " " + string(g.Channel)
}

func (g grant) subject() subject { return subject{g.Kind, g.Name} }

// Lives of the notes of grants: one of a subject that is connected somewhere is renewed where less than grantAfter is
// left, so that it holds that long after the last one has left, on whatever node.
const (
	grantLife  = grantAfter + time.Hour
	renewEvery = time.Minute
)

// note keeps a grant for a time, or takes it away.
func (g grant) note(b *Bus, ttl time.Duration) error {
	var text []byte
	if ttl > 0 {
		var err error
		if text, err = json.Marshal(g); err != nil {
			return err
		}
	}
	return b.call(func(ctx context.Context) error { return b.notes().Note(ctx, grantsBoard, g.key(), text, ttl) })
}

// grantAll grants a subject channels on all nodes. What it has granted when the broker fails is taken back, as far as
// the broker takes that.
func (b *Bus) grantAll(to subject, channels []protocol.Channel) (Granted, error) {
	now := time.Now()
	if fault := b.grants.mayAdd(to, channels, now); fault != nil {
		return Granted{}, fault
	}
	for i, ch := range channels {
		g := grant{to.kind, to.name, ch}
		if err := g.note(b, b.grants.life(to, ch, now)); err != nil {
			for _, ch := range channels[:i+1] {
				if !b.grants.has(to, ch) {
					grant{to.kind, to.name, ch}.note(b, 0)
				}
			}
			return Granted{}, b.failure(err, errUnnoted)
		}
	}
	for _, ch := range channels {
		b.grants.put(to, ch, now.Add(b.grants.life(to, ch, now)))
	}
	return b.tellGranted(b.grants.conns(to)), nil
}

// ungrantAll takes that back.
func (b *Bus) ungrantAll(to subject, channels []protocol.Channel) (Granted, error) {
	for _, ch := range channels {
		if err := (grant{to.kind, to.name, ch}).note(b, 0); err != nil {
			return Granted{}, b.failure(err, errUnnoted)
		}
		b.grants.drop(to, ch)
	}
	return b.tellGranted(b.grants.conns(to)), nil
}

// grantsWall hears the notes of grants.
type grantsWall struct{ bus *Bus }

func (w grantsWall) All(notes []broker.Note) {
	now := time.Now()
	var list []grantUntil
	for _, n := range notes {
		var g grant
		if n.Value != nil && json.Unmarshal(n.Value, &g) == nil {
			list = append(list, grantUntil{g, n.Key, now.Add(n.Left)})
		}
	}
	w.bus.tellGranted(w.bus.grants.replace(list))
	w.bus.cluster.signal(w.bus.cluster.granted)
}

func (w grantsWall) Changed(n broker.Note) {
	var conns []*Connection
	if n.Value == nil {
		conns = w.bus.grants.dropKey(n.Key)
	} else {
		var g grant
		if json.Unmarshal(n.Value, &g) != nil {
			return
		}
		w.bus.grants.put(g.subject(), g.Channel, time.Now().Add(n.Left))
		conns = w.bus.grants.conns(g.subject())
	}
	w.bus.tellGranted(conns)
	if len(conns) > 0 && n.Left < grantAfter {
		w.bus.cluster.signal(w.bus.cluster.granted)
	}
}

// renew renews the grants of those who are connected here, and forgets those that are over.
func (c *clustered) renew() {
	if c.board == nil {
		return
	}
	for _, g := range c.bus.grants.due(time.Now()) {
		if err := g.note(c.bus, grantLife); err != nil {
			c.bus.log.Warn("a grant could not be renewed", "error", err)
			return // the next ones would fail, too
		}
	}
}

// followAll has this node know what all know. It fails if the broker does.
func (c *clustered) followAll() error {
	if c.board == nil {
		return nil
	}
	for _, f := range []struct {
		name string
		sink broker.BoardSink
	}{{nodesBoard, comings{c}}, {revocationsBoard, revocationsWall{c.bus}}, {grantsBoard, grantsWall{c.bus}}, {endedBoard, endedWall{c.bus}}} {
		if c.following[f.name] {
			continue
		}
		err := c.bus.call(func(ctx context.Context) error {
			stop, err := c.board.Follow(ctx, f.name, f.sink)
			if err == nil {
				context.AfterFunc(c.bus.ctx, stop)
			}
			return err
		})
		if err != nil {
			return err
		}
		c.following[f.name] = true
	}
	c.informed.Store(true)
	return nil
}

// informed reports whether the node knows what all nodes must know: before, it takes no clients.
func (b *Bus) informed() bool {
	return b.cluster == nil || b.cluster.board == nil || b.cluster.informed.Load()
}

var errUninformed = &protocol.Error{Code: protocol.CodeBrokerUnavailable, Reason: "this node does not know yet what was revoked", Hint: "Try again in a moment."}

// revokedUser and revokedToken make revocations.
func revokedUser(user string) revocation {
	return revocation{User: true, Name: user, Since: time.Now().UnixNano()}
}
func revokedToken(id string) revocation { return revocation{Name: id} }
