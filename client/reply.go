package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"tidings/protocol"
)

// JobError is what a job published as its error.
type JobError struct{ Data json.RawMessage }

func (e *JobError) Error() string { return "client: the job failed: " + string(e.Data) }

// ReplyChannel is a channel that this client alone can read. Hand PublishURL to a job: it says there how it stands,
// without a key.
type ReplyChannel struct {
	PublishURL string    // lets who has it publish, until Expires
	Channel    string    // a secret, with which this user can read
	Expires    time.Time // by the server's clock

	sub  *Subscription
	once sync.Once
	over chan struct{} // closed when data or err is set
	data json.RawMessage
	err  error
}

// OpenReply opens a reply channel that lasts for ttl, from 1 s to 24 h; zero means an hour. onProgress, if not nil, is
// called with what the job publishes as progress. What is published while the client is away is kept up to the
// channel's end. It fails as Publish does, with CodeLimitReached if 32 are open, and with CodeUnsupported if the server
// has none. Close it.
func (c *Client) OpenReply(ctx context.Context, ttl time.Duration, onProgress func(json.RawMessage)) (*ReplyChannel, error) {
	if ttl == 0 {
		ttl = time.Hour
	}
	reply, err := c.call(ctx, protocol.ClientFrame{
		Type: protocol.TypeCall, Method: "reply", Data: fmt.Appendf(nil, `{"ttl":%d}`, ttl.Milliseconds()),
	})
	if err != nil {
		return nil, err
	}
	var given struct {
		Channel, Publish string
		Expires          int64
	}
	base, err := url.Parse(c.cfg.URL)
	if err == nil {
		err = json.Unmarshal(reply.Data, &given)
	}
	var publish *url.URL
	if err == nil {
		publish, err = base.Parse(given.Publish)
	}
	if err != nil {
		return nil, fmt.Errorf("client: the server's answer: %w", err)
	}
	r := &ReplyChannel{PublishURL: publish.String(), Channel: given.Channel, Expires: time.UnixMilli(given.Expires), over: make(chan struct{})}
	take := func(m Message) { r.take(m, onProgress) }
	r.sub, err = c.Subscribe(given.Channel, take, Since(reply.Position), r.onEnd, OnGap(func(Gap) { c.lookForReply(r) }))
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (r *ReplyChannel) take(m Message, onProgress func(json.RawMessage)) {
	switch m.Event {
	case protocol.ReplyDone:
		r.end(m.Data, nil)
	case protocol.ReplyError:
		r.end(nil, &JobError{m.Data})
	case protocol.ReplyProgress:
		if onProgress != nil {
			onProgress(m.Data)
		}
	}
}

// lookForReply looks for a last message that a gap may have swallowed.
func (c *Client) lookForReply(r *ReplyChannel) {
	go func() {
		ctx, cancel := context.WithDeadline(c.ctx, r.Expires)
		defer cancel()
		page, err := c.History(ctx, r.Channel, protocol.Position{}, 1)
		if err == nil && len(page.Messages) == 1 {
			r.take(page.Messages[0], nil)
		}
	}()
}

// onEnd is the Option by which the end of the subscription is that of the job's channel.
func (r *ReplyChannel) onEnd(s *Subscription) {
	s.onEnd = func(err error) {
		r.end(nil, err)
		s.Close() // else what rules ended would be asked for again
	}
}

func (r *ReplyChannel) end(data json.RawMessage, err error) {
	r.once.Do(func() {
		r.data, r.err = data, err
		close(r.over)
	})
}

// Wait returns the job's answer. It fails with a *JobError where the job published an error, with a *protocol.Error
// where the server ended the channel, and with ctx's error, after which Wait may be called again.
func (r *ReplyChannel) Wait(ctx context.Context) (json.RawMessage, error) {
	select {
	case <-r.over:
		return r.data, r.err
	default:
	}
	select {
	case <-r.over:
		return r.data, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// errReplyClosed is what Wait fails with after Close.
var errReplyClosed = errors.New("client: the reply channel is closed")

// Close waits no longer. The job is not told.
func (r *ReplyChannel) Close() {
	r.end(nil, errReplyClosed)
	r.sub.Close()
}
