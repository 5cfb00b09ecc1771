package memnet

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestServesHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Hour)
			io.WriteString(w, "hello")
		})}
		go server.Serve(l)
		transport := &http.Transport{DialContext: l.DialContext}
		start := time.Now()
		resp, err := (&http.Client{Transport: transport}).Get("http://anything/")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		if string(b) != "hello" || err != nil || time.Since(start) != time.Hour {
			t.Errorf("got %q, %v after %v", b, err, time.Since(start))
		}
		transport.CloseIdleConnections()
		server.Close()
	})
}

func TestClose(t *testing.T) {
	l := Listen()
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, err := l.Dial(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nobody accepts: got %v", err)
	}
	l.Close()
	l.Close()
	if _, err := l.Dial(context.Background()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("dial after close: got %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept after close: got %v", err)
	}
}
