package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"tidings/client"
	"tidings/protocol"
)

// channel is what the publisher publishes to.
const channel = "cluster/numbers"

// audience is the clients that listen, and the publisher that they listen to. All of them know the balancer alone.
type audience struct {
	stage   *stage
	rate    int
	clients []*client.Client
}

// invite has so many clients listen, a third over each transport.
func (s *stage) invite(o options) (*audience, error) {
	a := &audience{stage: s, rate: max(o.rate, 1)}
	for i := range o.listeners {
		transport := []string{protocol.WebSocket, protocol.SSE, protocol.Poll}[i%3]
		one := s.ledger.listener(fmt.Sprint(i+1), transport)
		c, err := client.New(client.Config{URL: s.url + "/bus", Transports: []string{transport}, OnStatus: func(now client.Status) {
			s.ledger.at(one, now.State == client.Connected, now.Connection)
		}})
		if err != nil {
			a.leave()
			return nil, err
		}
		a.clients = append(a.clients, c)
		_, err = c.Subscribe(channel, func(m client.Message) {
			var n int
			if json.Unmarshal(m.Data, &n) == nil {
				s.ledger.heard(one, n)
			}
		}, client.OnGap(func(client.Gap) { s.ledger.gap(one) }))
		if err != nil {
			a.leave()
			return nil, err
		}
	}
	return a, nil
}

func (a *audience) leave() {
	for _, c := range a.clients {
		c.Close()
	}
}

// publish publishes 1, 2, 3 … at the rate, each when the one before it is acknowledged, until ctx is over.
func (a *audience) publish(ctx context.Context) {
	tick := time.NewTicker(time.Second / time.Duration(a.rate))
	defer tick.Stop()
	for n := 1; ; n++ {
		for tries := 1; ; tries++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if node, ok := a.one(ctx, n); ok {
				a.stage.ledger.acknowledged(n, node, tries)
				break
			}
		}
	}
}

// one publishes a number with its key, so that it may be sent again, and returns the node that took it. It reports
// whether the number was acknowledged.
func (a *audience) one(ctx context.Context, n int) (node string, ok bool) {
	body := fmt.Appendf(nil, `{"channel":%q,"data":%d,"idempotencyKey":"n%d"}`, channel, n, n)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.stage.url+"/api/publish", bytes.NewReader(body))
	if err != nil {
		return "", false
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+a.stage.key)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", false
	}
	defer answer.Body.Close()
	return answer.Header.Get("X-Node"), answer.StatusCode == http.StatusOK
}
