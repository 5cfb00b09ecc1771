package guard

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// Handler returns next for requests whose announced bodies come in time, and for HTTP/2 bounds the answers, too.
// Without it a body that never comes holds its conn for ever: a handler that wants none sets no deadline, and net/http
// reads what is left before it answers.
func (g *Guard) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 {
			s := &stream{ResponseWriter: w, guard: g}
			defer s.finish()
			w = s
		}
		if r.ContentLength == 0 && len(r.TransferEncoding) == 0 {
			next.ServeHTTP(w, r)
			return
		}
		if r.ProtoMajor == 1 && len(r.TransferEncoding) > 0 {
			w.Header().Set("Connection", "close") // see heads
		}
		ctl := http.NewResponseController(w)
		address, ok := g.enter(r)
		if !ok {
			g.crowded.Add(1)
			w.Header().Set("Connection", "close")
			ctl.SetReadDeadline(time.Now()) // net/http would wait for the body before it answers
			g.refuse(w, r)
			return
		}
		ctl.SetReadDeadline(time.Now().Add(BodyLimit))
		b := &body{ReadCloser: r.Body, guard: g, ctl: ctl, address: address}
		r.Body = b
		defer b.end()
		next.ServeHTTP(w, r)
		if r.ProtoMajor == 1 && r.Header.Get("Expect") == "" { // else the client waits for our leave to send it
			b.drain()
		}
	})
}

func (g *Guard) refuse(w http.ResponseWriter, r *http.Request) {
	if g.Refuse != nil {
		g.Refuse(w, r)
		return
	}
	w.WriteHeader(http.StatusTooManyRequests)
}

// enter counts one more body that an address announces, and reports false if it has too many already.
func (g *Guard) enter(r *http.Request) (address string, ok bool) {
	if g.Address == nil {
		return "", true
	}
	address, counted := g.Address(r)
	if !counted {
		return "", true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.waiting[address] >= MaxBodies {
		return "", false
	}
	if g.waiting == nil {
		g.waiting = make(map[string]int)
	}
	g.waiting[address]++
	return address, true
}

func (g *Guard) leave(address string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.waiting[address]--; g.waiting[address] == 0 {
		delete(g.waiting, address)
	}
}

// body is the body of a request. It ends with its last byte, or with the request.
type body struct {
	io.ReadCloser
	guard   *Guard
	ctl     *http.ResponseController
	address string // that counts it, or ""
	ended   bool
	read    int64
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	switch {
	case err == io.EOF:
		b.end()
		b.ctl.SetReadDeadline(time.Time{})
	case errors.Is(err, os.ErrDeadlineExceeded) && !b.ended:
		b.guard.unsent.Add(1)
		b.end()
	}
	return n, err
}

// end takes the body out of its address's count.
func (b *body) end() {
	if !b.ended && b.address != "" {
		b.guard.leave(b.address)
	}
	b.ended = true
}

// drain reads what no handler wanted, so that the client has sent all before it is answered.
func (b *body) drain() {
	if !b.ended {
		io.CopyN(io.Discard, b, DrainBytes-b.read)
	}
}
