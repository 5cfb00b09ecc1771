package client

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"tidings/protocol"
)

var (
	errNoProof = errors.New("client: the transport brought no answer in time")
	errNoPong  = errors.New("client: nothing was heard of the server")
	errDrops   = errors.New("client: the same message is missing again and again: the transport's path drops it")
)

// carrier is a link and what the loop knows of it.
type carrier struct {
	id        int
	transport string
	link      link
	connected time.Time
}

func (c *Client) carrier(id int) *carrier {
	switch {
	case c.current != nil && c.current.id == id:
		return c.current
	case c.next != nil && c.next.id == id:
		return c.next
	}
	return nil
}

// wanted opens the connection where nothing was asked of it before.
func (c *Client) wanted() {
	if c.Status().State == Idle {
		c.startRound()
	}
}

// startRound tries the transports, from the one that worked on.
func (c *Client) startRound() {
	if c.next != nil || c.fetching {
		return
	}
	c.timers.wake = time.Time{}
	c.round = c.candidates()
	if c.current == nil {
		c.setStatus(func(s *Status) { s.State, s.Transport, s.RetryAt = Connecting, "", time.Time{} })
	}
	if c.cfg.GetToken != nil && (c.token == "" || c.stale) {
		c.fetchToken()
		return
	}
	c.tryNext()
}

// candidates are the transports that are better than the present one, or where there is none all, from the one that
// worked on. Once they all failed, which an outage does to each alike, the one that worked comes before all others.
func (c *Client) candidates() []string {
	if c.current != nil {
		if c.mute.doubted {
			return c.beside()
		}
		if i := slices.Index(c.ladder, c.current.transport); i >= 0 {
			return c.ladder[:i]
		}
		return c.ladder
	}
	i := slices.Index(c.ladder, c.preferred)
	switch {
	case i < 0 || !time.Now().Before(c.expires):
		return c.ladder
	case c.rounds > 0:
		return slices.Concat(c.ladder[i:i+1], c.ladder[:i], c.ladder[i+1:])
	}
	return c.ladder[i:]
}

func (c *Client) tryNext() {
	switch {
	case len(c.round) == 0: // moved already
		return
	case c.paused:
		c.round = nil
		c.roundFailed(errCut)
		return
	}
	if c.current == nil {
		c.setStatus(func(s *Status) { s.State, s.Transport, s.RetryAt = Connecting, "", time.Time{} })
	}
	transport := c.round[0]
	c.round = c.round[1:]
	c.lastLink++
	c.next = &carrier{id: c.lastLink, transport: transport}
	c.next.link = c.open(c.next.id, transport)
	c.timers.proof = time.Now().Add(c.proofDeadline())
	c.cfg.Logger.Debug("tidings: trying a transport", "transport", transport)
	if c.current != nil {
		c.current.link.moving(true)
	}
	c.machine.Open(c.next.id, c.token)
}

// proofDeadline grows with each failed round; not where a connection would have to stand still meanwhile.
func (c *Client) proofDeadline() time.Duration {
	if c.current != nil {
		return c.cfg.ProofDeadline
	}
	return min(c.cfg.ProofDeadline<<min(c.rounds, 2), max(proofDeadlineMax, c.cfg.ProofDeadline))
}

// drop takes a carrier away and closes its link.
func (c *Client) drop(from *carrier) {
	from.link.close()
	c.left = time.Now()
	if from == c.next {
		c.next, c.timers.proof = nil, time.Time{}
		if c.current != nil {
			c.current.link.moving(false)
		}
	}
	if from == c.current {
		c.current, c.timers.ping, c.timers.pong, c.timers.retry = nil, time.Time{}, time.Time{}, time.Time{}
		c.timers.ask, c.timers.doubt, c.mute.doubted = time.Time{}, time.Time{}, false
	}
}

// lost goes on after a link failed without a word of the server.
func (c *Client) lost(from *carrier, err error) {
	c.cfg.Logger.Debug("tidings: lost a transport", "transport", from.transport, "err", err)
	err = fmt.Errorf("%s: %w", from.transport, err)
	trying := from == c.next
	c.drop(from)
	switch {
	case trying && len(c.round) > 0:
		c.tryNext()
	case trying:
		c.roundFailed(err)
	case c.next != nil: // another is being tried already
		c.setStatus(func(s *Status) { s.State, s.Transport, s.Err = Connecting, "", err })
	default:
		c.judge(from)
		c.wait(c.backoff(), err)
	}
}

// stepDown leaves a link over which continuity failed twice at the same place, with no progress between: its path drops
// what follows, such as frames above some length. The next transport is tried, and first for a while. If there is none
// the link stays, and subscribes wait longer each time.
func (c *Client) stepDown(from *carrier) {
	i := slices.Index(c.ladder, from.transport)
	if from != c.current || i < 0 || i+1 >= len(c.ladder) {
		return
	}
	c.preferred, c.expires = c.ladder[i+1], time.Now().Add(rememberFor)
	c.machine.Lost(from.id)
	c.drop(from)
	if c.next == nil {
		c.wait(c.backoff(), fmt.Errorf("%s: %w", from.transport, errDrops))
	}
}

// judge counts a connection that was lost.
func (c *Client) judge(from *carrier) {
	if time.Since(from.connected) >= stableAfter {
		c.unsteady, c.shaky = time.Time{}, 0
		return
	}
	c.shaky++
	if i := slices.Index(c.ladder, from.transport); c.shaky >= shakyLosses && i >= 0 && i+1 < len(c.ladder) {
		c.preferred, c.expires, c.shaky = c.ladder[i+1], time.Now().Add(rememberFor), 0
	}
}

// roundFailed waits after the last transport of a round failed.
func (c *Client) roundFailed(err error) {
	c.rounds++
	c.mute.doubted = false
	if c.current != nil {
		if !slices.Contains(c.ladder, c.current.transport) {
			c.timers.wake = time.Now().Add(c.backoff()) // must move, so try again
		}
		c.setStatus(func(s *Status) { s.Err = err })
		return
	}
	c.wait(c.backoff(), err)
}

// backoff is full jitter, in proportion to how long there was no steady connection: SPEC.md section 7.
func (c *Client) backoff() time.Duration {
	if c.unsteady.IsZero() {
		c.unsteady = time.Now()
	}
	top := min(backoffMax, backoffBase+time.Since(c.unsteady)/2)
	return time.Duration(c.cfg.Random() * float64(top))
}

func (c *Client) wait(d time.Duration, err error) {
	at := time.Now().Add(d)
	c.timers.wake = at
	c.setStatus(func(s *Status) { *s = Status{State: Waiting, RetryAt: at, Err: err} })
}

// disconnected goes on after the server ended a link.
func (c *Client) disconnected(from *carrier, f *protocol.ServerFrame) {
	err := &protocol.Error{Code: f.Code, Reason: f.Reason, Hint: f.Hint}
	c.cfg.Logger.Debug("tidings: disconnected by the server", "transport", from.transport, "code", f.Code, "reason", f.Reason)
	after := fromMS(f.AfterMS)
	switch {
	case f.Code == protocol.CodeTokenExpired || f.Code == protocol.CodeUnauthorized:
		c.refusedToken(from, err)
	case f.Code == protocol.CodeSuperseded && (c.next != nil || time.Since(c.left) < lateFor || from.transport == protocol.Poll):
		// A transport of our own took over. Or one that was given up did, late: its last request was still on its way.
		// Over long-polling that may also be an earlier poll of the same link, so it is never final there.
		if from == c.next || c.next == nil {
			c.lost(from, err)
			return
		}
		c.drop(from) // the status stays: connected is on its way
	case f.Code == protocol.CodeWrongTransport: // likewise, as POST /bus/send hears it
		c.lost(from, err)
	case f.Code == protocol.CodeBadCursor:
		c.machine.Goodbye() // this session's count is beyond repair: begin another
		c.lost(from, err)
	case ofThePath(f.Code):
		c.lost(from, err)
	case !f.Retry:
		c.drop(from)
		c.final = err
	case f.Code == protocol.CodeSequenceGap:
		if other := c.next; other != nil && other != from {
			c.drop(other)
		}
		c.machine.Goodbye() // this session's counter is beyond repair: begin another
		c.lost(from, err)
	default:
		c.pause(from, after, err)
	}
}

// ofThePath reports whether code is a fault of what stands between this client and the server: something repeated, cut
// or altered what was sent, since this client sends no such thing. It is no reason to stay away.
func ofThePath(code protocol.Code) bool {
	switch code {
	case protocol.CodeProtocolError, protocol.CodeUnsupportedData, protocol.CodeBadUTF8, protocol.CodeBadJSON, protocol.CodeBadRequest,
		protocol.CodeUnknownType, protocol.CodeUnsupportedMediaType, protocol.CodeNotFound, protocol.CodeMethodNotAllowed,
		protocol.CodeNotConnected, protocol.CodeAlreadyConnected:
		return true
	}
	return false
}

// maxTime bounds every time that a server says, so that no number of it overflows or stands still for ever.
const maxTime = 24 * time.Hour

// fromMS turns milliseconds that a server said into a time from 0 to maxTime.
func fromMS(ms int64) time.Duration {
	return time.Duration(min(max(ms, 0), maxTime.Milliseconds())) * time.Millisecond
}

// pause comes back when the server asked for it, or by backoff; another transport would not help.
func (c *Client) pause(from *carrier, after time.Duration, err error) {
	trying := from == c.next
	c.drop(from)
	if !trying && c.next != nil {
		return
	}
	c.round = nil
	if !trying && time.Since(from.connected) >= stableAfter {
		c.unsteady, c.shaky = time.Time{}, 0
	}
	d := time.Duration(c.cfg.Random() * float64(after))
	if after == 0 {
		d = c.backoff()
	}
	if c.current != nil { // a move that has to wait
		c.timers.wake = time.Now().Add(d)
		return
	}
	c.wait(d, err)
}

// announced takes what the server says of itself, before the machine acts on it.
func (c *Client) announced(f *protocol.ServerFrame) {
	c.upstream.carry(f.Session, c.next.id)
	c.connection = f.Connection
	if f.Announce != nil && f.Announce.HeartbeatMS > 0 {
		c.heartbeat = fromMS(f.Announce.HeartbeatMS)
	}
}

// connected is called when next carries the session.
func (c *Client) connected(resumed bool) {
	old := c.current
	c.current, c.next = c.next, nil
	c.timers.proof, c.timers.wake, c.timers.pong, c.timers.retry = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	now := time.Now()
	if old != nil {
		old.link.close()
		c.left = now
		if c.mute.doubted {
			c.mute.went(old.transport, now)
		}
	}
	c.mute.doubted, c.mute.beats, c.mute.rhythm = false, 0, 0
	c.timers.ask, c.timers.doubt = time.Time{}, time.Time{}
	if len(c.calls) > 0 { // which were sent again
		c.expect(now.Add(askAfter))
	}
	c.current.connected = now
	if c.preferred != c.current.transport || !now.Before(c.expires) { // coming back does not make the memory younger
		c.preferred, c.expires = c.current.transport, now.Add(rememberFor)
	}
	c.round, c.rounds, c.refusals = nil, 0, 0
	c.lastSent, c.lastHeard = now, now
	c.timers.ping = now.Add(c.interval())
	if !resumed {
		for _, t := range c.topics {
			t.live = false
		}
	}
	c.setStatus(func(s *Status) {
		*s = Status{State: Connected, Transport: c.current.transport, Connection: c.connection, Resumed: resumed}
	})
}

func (c *Client) use(transports []string) {
	c.ladder, c.preferred, c.rounds = transports, "", 0
	if c.Status().State == Idle {
		return
	}
	if c.next != nil {
		c.machine.Lost(c.next.id)
		c.drop(c.next)
	}
	c.timers.wake = time.Time{}
	if c.fetching || len(c.candidates()) == 0 {
		c.round = nil
		return
	}
	c.startRound()
}
