package client_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tidings/access"
	"tidings/actors"
	"tidings/broker/memory"
	"tidings/client"
	"tidings/httpapi"
	"tidings/internal/memnet"
)

// withInboxes plays fn over the real house, in a bubble, whose clients sign in and have an inbox each; sign makes a
// token.
func withInboxes(t *testing.T, fn func(s *stack, sign func(user string, lifetime time.Duration) string)) {
	synctest.Test(t, func(t *testing.T) {
		secret := []byte("a secret of these tests, of more than 32 bytes")
		tokens, err := access.NewTokens(access.TokenConfig{Issuer: "tests", Audience: "tidings", Secret: secret})
		if err != nil {
			t.Fatal(err)
		}
		signer, err := access.NewSigner(secret)
		if err != nil {
			t.Fatal(err)
		}
		quiet := slog.New(slog.DiscardHandler)
		mem := memory.New(memory.DefaultConfig())
		bus, err := actors.Start(actors.Config{Broker: mem, Tokens: tokens, Logger: quiet, Rules: access.Rules{Channels: []access.Rule{{Pattern: "inbox/{user}", Subscribe: access.User}}}})
		if err != nil {
			t.Fatal(err)
		}
		cfg := httpapi.DefaultConfig()
		cfg.Log = quiet
		api, err := httpapi.New(bus, cfg)
		if err != nil {
			t.Fatal(err)
		}
		lis, server := memnet.Listen(), api.Server("")
		go server.Serve(lis)
		transport := &http.Transport{DialContext: lis.DialContext}
		s := &stack{t: t, bus: bus, url: "http://bus.test/bus", http: &http.Client{Transport: transport}}
		fn(s, func(user string, lifetime time.Duration) string {
			token, err := signer.Sign(access.TokenClaims{Issuer: "tests", Audience: "tidings", User: user, Lifetime: lifetime})
			if err != nil {
				t.Fatal(err)
			}
			return token
		})
		transport.CloseIdleConnections()
		api.Close()
		server.Close()
		bus.Stop()
		mem.Close()
	})
}

// F63, B68: over each transport, ten minutes with tokens of one minute, and nothing is lost.
func TestF63_B68_TokensThatExpireLoseNothing(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			withInboxes(t, func(s *stack, sign func(string, time.Duration) string) {
				var asked atomic.Int32
				c, err := client.New(client.Config{
					URL: s.url, Transports: []string{transport}, HTTPClient: s.http, Logger: slog.New(slog.DiscardHandler),
					GetToken: func(context.Context) (string, error) {
						asked.Add(1)
						return sign("u1", time.Minute), nil
					},
				})
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				l := s.listen(c, "inbox/u1")
				const seconds = 600
				for i := range seconds {
					if _, err := s.bus.Publish(context.Background(), actors.Publish{Channel: "inbox/u1", Data: fmt.Append(nil, i)}); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Second)
				}
				time.Sleep(30 * time.Second)
				synctest.Wait()
				l.mu.Lock()
				defer l.mu.Unlock()
				if len(l.got) != seconds || len(l.gaps) != 0 || len(l.bad) != 0 {
					t.Errorf("got %d of %d, gaps %v, wrong %v", len(l.got), seconds, l.gaps, l.bad)
				}
				if n := asked.Load(); n < 7 || n > 14 {
					t.Errorf("a token was asked for %d times", n)
				}
				if st := s.bus.Stats(); st.ResumesFailed["unknown"]+st.ResumesFailed["foreign"] != 0 {
					t.Errorf("sessions were lost: %v", st.ResumesFailed)
				}
			})
		})
	}
}

// Over each transport: what ends a client's right is final for it, and nothing comes after.
func TestWhatIsTakenAwayIsTakenAway(t *testing.T) {
	for _, transport := range transports {
		for name, take := range map[string]func(*stack) error{
			"by a revocation": func(s *stack) error { _, err := s.bus.RevokeUser("u1"); return err },
			"by a rule":       func(s *stack) error { return s.bus.SetRules(access.Rules{Subscribe: access.Nobody}) },
		} {
			t.Run(transport+" "+name, func(t *testing.T) {
				withInboxes(t, func(s *stack, sign func(string, time.Duration) string) {
					c, err := client.New(client.Config{
						URL: s.url, Transports: []string{transport}, HTTPClient: s.http, Logger: slog.New(slog.DiscardHandler), Token: sign("u1", time.Hour),
					})
					if err != nil {
						t.Fatal(err)
					}
					defer c.Close()
					l := s.listen(c, "inbox/u1")
					publish := func(text string) {
						if _, err := s.bus.Publish(context.Background(), actors.Publish{Channel: "inbox/u1", Data: []byte(text)}); err != nil {
							t.Fatal(err)
						}
						time.Sleep(time.Second)
					}
					publish("1")
					if err := take(s); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Second)
					for range 60 {
						publish(`"secret"`)
					}
					synctest.Wait()
					l.mu.Lock()
					defer l.mu.Unlock()
					if len(l.got) != 1 {
						t.Errorf("it heard %q", l.got)
					}
				})
			})
		}
	}
}
