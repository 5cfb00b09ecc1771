package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// call is a request that somebody waits for.
type call struct {
	answered chan struct{}
	reply    *protocol.ServerFrame
	err      error
}

func (w *call) fail(err error) {
	w.err = err
	close(w.answered)
}

// PublishOption changes what a Publish does.
type PublishOption func(*protocol.ClientFrame)

// Key is the publish's idempotency key, 1 to 128 bytes: the server takes one publish per key and channel within 5
// minutes and answers each repetition alike. Without it a Publish draws a key, which covers its own retries.
func Key(key string) PublishOption {
	return func(f *protocol.ClientFrame) { f.IdempotencyKey = key }
}

// Event names the kind of message, at most 64 bytes.
func Event(name string) PublishOption {
	return func(f *protocol.ClientFrame) { f.Event = name }
}

// Spread asks each receiver that refetches because of this message to wait a random part of d first, so that one hint
// to many does not make them all ask at once. From 1 ms to 5 minutes, rounded down to milliseconds; the server refuses
// more. Less is none.
func Spread(d time.Duration) PublishOption {
	return func(f *protocol.ClientFrame) { f.SpreadMS = uint64(max(d.Milliseconds(), 0)) }
}

// ExcludeSelf leaves this client out: its own subscriptions do not hear the message, also where they recover over the
// same session.
func ExcludeSelf() PublishOption {
	return func(f *protocol.ClientFrame) { f.ExcludeSelf = true }
}

// Trace sends a W3C trace context (traceparent) along, which each receiver finds in Message.Trace. The server refuses
// what is none.
func Trace(traceparent string) PublishOption {
	return func(f *protocol.ClientFrame) { f.Trace = traceparent }
}

// Meta sets something beside the payload, such as who sent it: v is written as encoding/json writes it, and must be an
// object of at most 4 KiB, or the server refuses the publish. Each receiver finds it in Message.Meta.
func Meta(v any) PublishOption {
	return func(f *protocol.ClientFrame) {
		raw, err := json.Marshal(v)
		if err != nil {
			raw = []byte("null") // what the server refuses
		}
		f.Meta = raw
	}
}

// Publish sends data, as encoding/json writes it, to channel over the connection, and answers its position once the
// broker has it. Across reconnects it is sent again with the same idempotency key, until ctx ends: then the outcome is
// unknown, and a Publish with the same Key settles it. A json.RawMessage is sent as it is.
//
// A refusal is a *protocol.Error; its Code.Row().Retry tells whether the same call may succeed later.
func (c *Client) Publish(ctx context.Context, channel string, data any, opts ...PublishOption) (protocol.Position, error) {
	ch, err := protocol.ParseChannel(channel)
	if err != nil {
		return protocol.Position{}, err
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return protocol.Position{}, fmt.Errorf("client: data: %w", err)
	}
	f := protocol.ClientFrame{Type: protocol.TypePublish, Channel: ch, Data: raw}
	for _, opt := range opts {
		opt(&f)
	}
	if f.IdempotencyKey == "" {
		f.IdempotencyKey = rand.Text()
	}
	reply, err := c.call(ctx, f)
	if err != nil {
		return protocol.Position{}, err
	}
	return reply.Position, nil
}

// Call calls a method of the application behind the server, or one that the server itself has, such as "document", with
// data as encoding/json writes it, and returns the answer. Of the options only Key counts. Across reconnects it is sent
// again, with the same key, until ctx ends: then the outcome is unknown. It fails as Publish does.
func (c *Client) Call(ctx context.Context, method string, data any, opts ...PublishOption) (json.RawMessage, error) {
	raw, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("client: data: %w", err)
	}
	f := protocol.ClientFrame{Type: protocol.TypeCall, Method: method, Data: raw}
	for _, opt := range opts {
		opt(&f)
	}
	if f.IdempotencyKey == "" {
		f.IdempotencyKey = rand.Text()
	}
	reply, err := c.call(ctx, f)
	if err != nil {
		return nil, err
	}
	return reply.Data, nil
}

// History returns a page of what the channel keeps: after since, oldest first, or where since is zero the last
// messages. limit is 1 to protocol.MaxHistoryLimit; zero leaves it to the server.
func (c *Client) History(ctx context.Context, channel string, since protocol.Position, limit int) (Page, error) {
	ch, err := protocol.ParseReadable(channel)
	if err != nil {
		return Page{}, err
	}
	if limit < 0 || limit > protocol.MaxHistoryLimit {
		return Page{}, fmt.Errorf("client: limit %d is not 0 to %d", limit, protocol.MaxHistoryLimit)
	}
	f := protocol.ClientFrame{Type: protocol.TypeHistory, Channel: ch, Limit: limit}
	if !since.IsZero() {
		f.Since = &since
	}
	reply, err := c.call(ctx, f)
	if err != nil {
		return Page{}, err
	}
	page := Page{Position: reply.Position, Complete: reply.Complete}
	for _, m := range reply.Messages {
		page.Messages = append(page.Messages, messageOf(m, reply.Position.Epoch))
	}
	return page, nil
}

// envelopeMax is what the frames around a client frame take at most: the body of POST /bus/send with its session.
const envelopeMax = 256

func (c *Client) call(ctx context.Context, f protocol.ClientFrame) (*protocol.ServerFrame, error) {
	if len(protocol.AppendClientFrame(nil, &f)) > protocol.MaxMessageBytes-envelopeMax {
		return nil, &protocol.Error{
			Code:   protocol.CodeTooLarge,
			Reason: "the request does not fit into one message of 64 KiB",
			Hint:   "Send less, or publish over the HTTP API.",
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := &call{answered: make(chan struct{})}
	var r *core.Request
	err := c.do(func() {
		r = c.machine.Request(f)
		c.calls[r] = w
		c.wanted()
	})
	if err != nil {
		return nil, err
	}
	select {
	case <-w.answered:
		return w.reply, w.err
	case <-ctx.Done():
	}
	_ = c.do(func() {
		c.machine.Forget(r)
		delete(c.calls, r)
	})
	select {
	case <-w.answered: // at the last moment
		return w.reply, w.err
	default:
		return nil, ctx.Err()
	}
}

// Unknown reports whether a Publish that failed with err may have happened all the same: repeat it with the same Key.
func Unknown(err error) bool {
	var refused *protocol.Error
	if errors.As(err, &refused) {
		return refused.Code == protocol.CodeTimeout || refused.Code == protocol.CodeInternal
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrClosed)
}
