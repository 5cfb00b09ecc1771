package main

import "testing"

func TestNodeURL(t *testing.T) {
	for _, tt := range []struct {
		name, addr, broker string
		secure             bool
		want               string
	}{
		{name: "a host of its own", addr: "10.0.3.7:8080", broker: "redis://redis:6379", want: "http://10.0.3.7:8080"},
		{name: "over TLS", addr: "node.example.com:443", broker: "redis://redis:6379", secure: true, want: "https://node.example.com:443"},
		{name: "every address", addr: ":8080", broker: "redis://127.0.0.1:6379", want: "http://127.0.0.1:8080"},
		{name: "every address, as one", addr: "0.0.0.0:8080", broker: "redis://u:p@127.0.0.1:6379/0", want: "http://127.0.0.1:8080"},
		{name: "every address of IPv6", addr: "[::]:8080", broker: "redis://127.0.0.1", want: "http://127.0.0.1:8080"},
		{name: "no broker", addr: ":8080", broker: "://", want: ""},
		{name: "no address", addr: "8080", broker: "redis://127.0.0.1", want: ""},
	} {
		if got := nodeURL(tt.addr, tt.broker, tt.secure); got != tt.want {
			t.Errorf("%s: %q beside %q is %q, want %q", tt.name, tt.addr, tt.broker, got, tt.want)
		}
	}
}

// A digest shows that settings differ, whatever the order of what they have.
func TestDigest(t *testing.T) {
	one, same := map[string]int{"a": 1, "b": 2}, map[string]int{"b": 2, "a": 1}
	if digest(one) != digest(same) || digest(one) == digest(map[string]int{"a": 1}) {
		t.Errorf("digests are %s and %s of equal settings, %s of another", digest(one), digest(same), digest(map[string]int{"a": 1}))
	}
}
