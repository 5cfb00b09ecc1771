package httpapi

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"os"
	"testing"
	"time"
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
	go web.Serve(listener)
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
	// The last one was refused when it reads its end; so were all but maxSilent before it, in the order of their arrival. Those that were
	// opened first may have been closed for their silence by now, and let others in.
	open[many-1].SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, err := open[many-1].Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the last one: read %d bytes, %v", n, err)
	}
	w.api.silent.mu.Lock()
	held := w.api.silent.count[netip.MustParseAddr("127.0.0.1")]
	w.api.silent.mu.Unlock()
	if refused := w.api.silent.refused.Load(); held > maxSilent || refused < many/2 {
		t.Errorf("%d silent connections are held, %d of %d were refused", held, refused, many)
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
