package client

import (
	"context"
	"errors"
	"fmt"

	"tidings/protocol"
)

// refusedToken asks for another token, or gives up.
func (c *Client) refusedToken(from *carrier, fault *protocol.Error) {
	c.refusals++
	patience := 1
	if fault.Code == protocol.CodeTokenExpired {
		patience = 3
	}
	if c.cfg.GetToken == nil || c.refusals > patience {
		c.drop(from)
		c.final = fault
		return
	}
	c.stale = true
	c.drop(from)
	if c.next != nil { // was given the same token
		c.machine.Lost(c.next.id)
		c.drop(c.next)
	}
	c.round = nil
	if c.refusals == 1 {
		c.setStatus(func(s *Status) { s.Err = fault })
		c.startRound()
		return
	}
	c.wait(c.backoff(), fault)
}

func (c *Client) fetchToken() {
	c.fetching = true
	c.workers.Add(1)
	go func() {
		defer c.workers.Done()
		ctx, cancel := context.WithTimeout(c.ctx, tokenDeadline)
		defer cancel()
		token, err := callGetToken(ctx, c.cfg.GetToken)
		select {
		case c.commands <- func() { c.onToken(token, err) }:
		case <-c.ctx.Done():
		}
	}()
}

// callGetToken calls get and waits no longer than ctx, also if get does not heed it.
func callGetToken(ctx context.Context, get func(context.Context) (string, error)) (token string, err error) {
	done := make(chan struct{})
	var got string
	var failed error
	go func() {
		defer close(done)
		got, failed = get(ctx)
	}()
	select {
	case <-done:
		return got, failed
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (c *Client) onToken(token string, err error) {
	c.fetching = false
	var refused *protocol.Error
	switch {
	case err == nil:
		c.token, c.stale = token, false
		if len(c.round) == 0 {
			c.round = c.candidates()
		}
		c.tryNext()
	case errors.As(err, &refused) && !refused.Code.Row().Retry:
		c.final = refused
	default:
		c.round = nil
		c.roundFailed(fmt.Errorf("client: GetToken: %w", err))
	}
}
