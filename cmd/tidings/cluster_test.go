package main

import (
	"strings"
	"testing"
	"time"
)

func TestPrintCluster(t *testing.T) {
	now := time.UnixMilli(1795268460000)
	for _, tt := range []struct{ name, in, want string }{
		{name: "one node", in: `{"broker":{"ok":true,"roundTrip":0.04},"nodes":[]}`, want: "one node, whose broker answers in 0.0 ms\n"},
		{
			name: "two nodes, one of them draining",
			in: `{"node":"k3Jd02aP","broker":{"ok":false,"roundTrip":0},"nodes":[` +
				`{"id":"9-3Jd02a","url":"http://10.0.3.8:8080","version":"0.9.0","since":1795268400000,"draining":true,"connections":{"websocket":1,"sse":2,"poll":3},"parked":4,"channels":5,"lag":6,"reachable":false},` +
				`{"id":"k3Jd02aP","url":"http://10.0.3.7:8080","version":"0.9.1","since":1795268400000,"draining":false,"connections":{"websocket":812,"sse":40,"poll":96},"parked":11,"channels":1204,"lag":3,"reachable":true}],"differing":["keys","rules"]}`,
			want: `NODE      URL                   VERSION  UP    WEBSOCKET  SSE  POLL  PARKED  CHANNELS  LAG   STATE
9-3Jd02a  http://10.0.3.8:8080  0.9.0    1m0s  1          2    3     4       5         6 ms  draining, not reachable from here
k3Jd02aP  http://10.0.3.7:8080  0.9.1    1m0s  812        40   96    11      1204      3 ms  up, answers
the broker does not answer
not the same on all nodes: keys, rules
`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			if err := printCluster(&out, []byte(tt.in), now); err != nil {
				t.Fatal(err)
			}
			if out.String() != tt.want {
				t.Errorf("got\n%s\nwant\n%s", out.String(), tt.want)
			}
		})
	}
	if err := printCluster(&strings.Builder{}, []byte(`<html>`), now); err == nil {
		t.Error("what is no JSON was printed")
	}
}
