package guard

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/internal/memnet"
)

// serve starts a server behind a guard, in a bubble.
func serve(t *testing.T, g *Guard, handler http.HandlerFunc) *memnet.Listener {
	t.Helper()
	l := memnet.Listen()
	server := &http.Server{Handler: g.Handler(handler), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 75 * time.Second}
	go server.Serve(g.Listener(l, false))
	t.Cleanup(func() { server.Close() })
	return l
}

func dial(t *testing.T, l *memnet.Listener) net.Conn {
	t.Helper()
	c, err := l.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func ignoring(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") }

func reading(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	fmt.Fprint(w, len(b), err == nil)
}

// A conn whose client announces a body and sends no more is given up after BodyLimit, whatever the handler wants of it.
func Test_B119_aBodyThatIsAnnouncedAndNeverSent(t *testing.T) {
	for _, tt := range []struct {
		name    string
		head    string
		handler http.HandlerFunc
	}{
		{"GET, not read", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n", ignoring},
		{"GET in chunks, not read", "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", ignoring},
		{"POST, not read", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\nsome", ignoring},
		{"POST, read", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n", reading},
		{"a large one", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6000000000\r\n\r\n", ignoring},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &Guard{}
				c := dial(t, serve(t, g, tt.handler))
				start := time.Now()
				go io.WriteString(c, tt.head)
				answer, err := io.ReadAll(c)
				if took := time.Since(start); took > BodyLimit || err != nil {
					t.Errorf("the conn ended after %v, %v, want at most %v", took, err, BodyLimit)
				}
				if !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
					t.Errorf("answered %q", answer)
				}
				if got := g.Stats().Unsent; got != 1 {
					t.Errorf("counted %d bodies that did not come, want 1", got)
				}
			})
		})
	}
}

// What is left of a body is read before the answer, so that a client which sends all before it reads gets the answer,
// and the conn serves its next request.
func Test_B119_aBodyThatComesCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &Guard{Address: func(r *http.Request) (string, bool) { return "one", true }}
		c := dial(t, serve(t, g, ignoring))
		br := bufio.NewReader(c)
		for range 3 {
			go fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", 1<<20, strings.Repeat("x", 1<<20))
			answer, err := http.ReadResponse(br, nil)
			if err != nil || answer.StatusCode != 200 || answer.Close {
				t.Fatalf("got %v, %v", answer, err)
			}
			io.Copy(io.Discard, answer.Body)
			time.Sleep(BodyLimit + time.Second) // the deadline of the body is over with the body
		}
		if len(g.waiting) != 0 || g.Stats() != (Stats{}) {
			t.Errorf("left behind: %v, %+v", g.waiting, g.Stats())
		}
	})
}

// A handler that waits after it has read the body is not disturbed by the body's deadline.
func Test_B119_aHandlerMayWaitAfterTheBody(t *testing.T) {
	for _, body := range []string{"Content-Length: 4\r\n\r\nbody", "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"} {
		synctest.Test(t, func(t *testing.T) {
			l := serve(t, &Guard{}, func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				select {
				case <-r.Context().Done():
				case <-time.After(time.Minute):
					io.WriteString(w, "waited")
				}
			})
			c := dial(t, l)
			go io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\n"+body)
			answer, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			if b, _ := io.ReadAll(answer.Body); string(b) != "waited" {
				t.Errorf("%q: got %q", body, b)
			}
		})
	}
}

// One address keeps MaxBodies bodies waiting at most; others are served meanwhile.
func Test_B119_oneAddressKeepsFewBodiesWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &Guard{Address: func(r *http.Request) (string, bool) { return r.Header.Get("From"), r.Header.Get("From") != "proxy" }}
		l := serve(t, g, reading)
		begin := func(from string) net.Conn {
			c := dial(t, l)
			io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nFrom: "+from+"\r\n\r\n")
			synctest.Wait()
			return c
		}
		for range MaxBodies {
			begin("one")
			begin("proxy")
		}
		start := time.Now()
		answer, err := http.ReadResponse(bufio.NewReader(begin("one")), nil)
		if err != nil || answer.StatusCode != http.StatusTooManyRequests || !answer.Close || time.Since(start) != 0 {
			t.Errorf("one too many: got %v, %v after %v", answer, err, time.Since(start))
		}
		for _, from := range []string{"two", "proxy"} {
			c := begin(from)
			io.WriteString(c, "body")
			if answer, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || answer.StatusCode != 200 {
				t.Errorf("%s: got %v, %v", from, answer, err)
			}
		}
		if got := g.Stats().Crowded; got != 1 {
			t.Errorf("counted %d, want 1", got)
		}
		time.Sleep(BodyLimit)
		synctest.Wait()
		if len(g.waiting) != 0 {
			t.Errorf("afterwards %v are waited for", g.waiting)
		}
	})
}

// An answer that nobody reads ends its conn after AnswerLimit, and a client that reads slowly gets it whole.
func Test_B119_anAnswerThatNobodyReads(t *testing.T) {
	large := strings.Repeat("x", 5*AnswerBytes)
	for _, tt := range []struct {
		name   string
		every  time.Duration // between two reads of 16 KiB; 0 for none at all
		unread uint64
	}{
		{name: "never", unread: 1},
		{name: "slowly", every: 4 * time.Second},
		{name: "too slowly", every: 8 * time.Second, unread: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &Guard{}
				over := make(chan time.Time, 1)
				l := serve(t, g, func(w http.ResponseWriter, r *http.Request) {
					io.WriteString(w, large)
					over <- time.Now()
				})
				c := dial(t, l)
				start := time.Now()
				io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
				total := 0
				for b := make([]byte, 16<<10); tt.every > 0; time.Sleep(tt.every) {
					n, err := io.ReadFull(c, b)
					if total += n; err != nil {
						break
					}
				}
				if took := (<-over).Sub(start); tt.every == 0 && took != AnswerLimit {
					t.Errorf("ended after %v, want %v", took, AnswerLimit)
				}
				if got := g.Stats().Unread; got != tt.unread || tt.every > 0 && tt.unread == 0 && total < len(large) {
					t.Errorf("counted %d, want %d; %d bytes of %d were read", got, tt.unread, total, len(large))
				}
			})
		})
	}
}

// A handler's own deadline counts in the place of AnswerLimit, until it takes it back.
func TestAHandlersOwnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends := make(chan time.Duration, 1)
		l := serve(t, &Guard{}, func(w http.ResponseWriter, r *http.Request) {
			start := time.Now()
			http.NewResponseController(w).SetWriteDeadline(start.Add(time.Second))
			w.Write(make([]byte, AnswerBytes))
			ends <- time.Since(start)
		})
		c := dial(t, l)
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if got := <-ends; got != time.Second {
			t.Errorf("ended after %v, want 1 s", got)
		}
	})
}

func Test_B121_aLengthWithChunksIsRefused(t *testing.T) {
	for name, head := range map[string]string{"length first": both, "chunks first": other} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &Guard{}
				served := 0
				c := dial(t, serve(t, g, func(http.ResponseWriter, *http.Request) { served++ }))
				go io.WriteString(c, get+head+get)
				all, err := io.ReadAll(c)
				answers := strings.Count(string(all), "HTTP/1.1 ")
				if err != nil || answers != 2 || !strings.Contains(string(all), "HTTP/1.1 400") || served != 1 {
					t.Errorf("served %d, answered %q, %v: want the first request, then 400 and the end", served, all, err)
				}
				if got := g.Stats().Smuggled; got != 1 {
					t.Errorf("counted %d, want 1", got)
				}
			})
		})
	}
}

// Heads are not followed behind chunks, so nothing is served there.
func Test_B121_aRequestInChunksIsTheLastOfItsConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		served := 0
		c := dial(t, serve(t, &Guard{}, func(w http.ResponseWriter, r *http.Request) { served++; io.Copy(io.Discard, r.Body) }))
		go io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+both)
		all, _ := io.ReadAll(c)
		if served != 1 || strings.Count(string(all), "HTTP/1.1 ") != 1 || !strings.Contains(string(all), "Connection: close") {
			t.Errorf("served %d, answered %q", served, all)
		}
	})
}

func TestUnwrap(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	g := &Guard{}
	below, again := Unwrap(g.conn(a, false))
	if below != a || again == nil {
		t.Fatalf("got %v", below)
	}
	go io.WriteString(b, both)
	if _, err := io.ReadAll(again(below)); err != ErrSmuggled {
		t.Errorf("guarded again, got %v", err)
	}
	if plain, again := Unwrap(a); plain != a || again != nil {
		t.Error("a conn without a guard")
	}
}

// Over HTTP/2 one answer is left unread while the conn goes on.
func Test_B119_anAnswerThatNobodyReadsOverHTTP2(t *testing.T) {
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	defer certificate.Close()
	synctest.Test(t, func(t *testing.T) {
		g := &Guard{}
		over := make(chan time.Duration, 1)
		l := memnet.Listen()
		server := &http.Server{TLSConfig: &tls.Config{Certificates: certificate.TLS.Certificates}, ErrorLog: log.New(io.Discard, "", 0),
			Handler: g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/small" {
					io.WriteString(w, "ok")
					return
				}
				start := time.Now()
				for range 1000 {
					if _, err := w.Write(make([]byte, AnswerBytes)); err != nil {
						break
					}
				}
				over <- time.Since(start)
			}))}
		go server.ServeTLS(g.Listener(l, true), "", "")
		transport := &http.Transport{DialContext: l.DialContext, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		client := &http.Client{Transport: transport}
		large, err := client.Get("https://x/large") // nobody reads it
		if err != nil || large.ProtoMajor != 2 {
			t.Fatalf("got %v, %v", large, err)
		}
		time.Sleep(AnswerLimit / 2)
		small, err := client.Get("https://x/small")
		if err != nil || small.StatusCode != 200 {
			t.Errorf("another answer meanwhile: %v, %v", small, err)
		} else {
			small.Body.Close()
		}
		if took := <-over; took != AnswerLimit {
			t.Errorf("ended after %v, want %v", took, AnswerLimit)
		}
		if got := g.Stats().Unread; got != 1 {
			t.Errorf("counted %d, want 1", got)
		}
		large.Body.Close()
		transport.CloseIdleConnections()
		server.Close()
	})
}
