package httpapi

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
)

// nodeSamples returns what a node's metrics say of nodes and of what it handed to them, but for zeros.
func (c *fleet) nodeSamples(n *vessel) string {
	c.Helper()
	_, text := c.ask(n, "GET", "/metrics", "")
	var found []string
	for _, m := range regexp.MustCompile(`(?m)^tidings_((?:nodes|forward)[a-z_]*)(?:\{[a-z]+="([a-z]+)"\})? (\S+)$`).FindAllStringSubmatch(text, -1) {
		if m[3] != "0" {
			found = append(found, strings.TrimSuffix(m[1]+" "+m[2], " ")+" "+m[3])
		}
	}
	return strings.Join(found, ", ")
}

func TestMetricsOfNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startFleet(t, 3)
		want := func(when string, of *vessel, want string) {
			t.Helper()
			if got := c.nodeSamples(of); got != want {
				t.Errorf("%s: got %q, want %q", when, got, want)
			}
		}
		want("at the start", c.nodes[0], "nodes up 3")
		client := c.connectTo(c.nodes[1], "a")
		c.ask(c.nodes[1], "POST", "/api/publish", `{"channel":"a","data":1}`)
		client.node = c.nodes[0]
		c.frames(client)
		want("after a poll that was handed on", c.nodes[0], "forwarded_total answered 1, nodes up 3")
		c.mu.Lock()
		c.apart = true
		c.mu.Unlock()
		client.node = c.nodes[2]
		c.frames(client)
		want("after one that could not be", c.nodes[2], "forwarded_total unreachable 1, nodes up 3")
		c.nodes[2].bus.Retire(context.Background(), 0)
		synctest.Wait()
		want("after a node has retired", c.nodes[0], "forwarded_total answered 1, nodes draining 1, nodes up 2")
	})
}

func TestMetricsOfOneNode(t *testing.T) {
	w := start(t)
	want := func(up, draining string) {
		t.Helper()
		samples := w.samples()
		if got := samples[`tidings_nodes{state="up"}`] + samples[`tidings_nodes{state="draining"}`]; got != up+draining {
			t.Errorf("up and draining: got %q, want %q", got, up+draining)
		}
	}
	want("1", "0")
	w.bus.Retire(context.Background(), 0)
	want("0", "1")
}
