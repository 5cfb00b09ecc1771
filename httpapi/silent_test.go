package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"testing"
)

// B17: who opens connections and says nothing gets a few of them; others get in meanwhile.
func TestB17_ManySilentConnectionsOfOneAddress(t *testing.T) {
	const many = 10_000
	w := start(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := w.api.Server("")
	web.ReadHeaderTimeout = 0 // else a busy machine lets the first go before the last have come; TestB15_HeadByDrops is about it
	go web.Serve(w.api.Listener(listener, web))
	defer web.Close()
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for len(open) < many {
		c, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatalf("after %d: %v", len(open), err)
		}
		open = append(open, c)
	}
	for w.api.silent.refused.Load() == 0 { // the server may be behind with accepting
		runtime.Gosched()
	}
	w.api.silent.mu.Lock()
	held := w.api.silent.count[netip.MustParseAddr("127.0.0.1")]
	w.api.silent.mu.Unlock()
	if held > maxSilent {
		t.Errorf("%d silent connections are held of %d", held, many)
	}
	other := &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext}}
	answer, err := other.Get("http://" + listener.Addr().String() + "/healthz")
	if err != nil || answer.StatusCode != 200 {
		t.Fatalf("another address: %v", err)
	}
	answer.Body.Close()
	if w.samples()["tidings_silent_refused_total"] == "0" {
		t.Error("they were not counted")
	}
}
