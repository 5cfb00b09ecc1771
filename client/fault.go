package client

import "errors"

var errCut = errors.New("client: the connection was cut by Cut or Hold")

// Cut breaks the connection as a failing network would, without goodbye. The client comes back by itself. For tests and
// demos.
func (c *Client) Cut() { _ = c.do(c.cutAll) }

// Hold is Cut, and no connection can be made until Heal.
func (c *Client) Hold() {
	_ = c.do(func() {
		c.paused = true
		c.cutAll()
	})
}

// Heal ends Hold: the client connects at once.
func (c *Client) Heal() {
	_ = c.do(func() {
		c.paused = false
		if !c.timers.wake.IsZero() {
			c.startRound()
		}
	})
}

func (c *Client) cutAll() {
	c.round = nil
	for _, from := range []*carrier{c.next, c.current} {
		if from != nil {
			c.machine.Lost(from.id)
			c.lost(from, errCut)
		}
	}
}
