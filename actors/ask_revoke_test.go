package actors

import (
	"errors"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"tidings/access"
	"tidings/protocol"
)

func TestARevokedUserIsGoneAtOnce(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		old := sign(t, "u1", time.Hour)
		linked, other, parked := w.signIn(old, ""), w.signIn(sign(t, "u2", time.Hour), ""), w.signIn(old, "")
		for _, c := range []*client{linked, parked} {
			c.subscribe("inbox/u1", nil)
		}
		linked.link.stall(true)
		parked.cut()
		w.publish("inbox/u1", `"secret"`)
		done, err := w.bus.RevokeUser("u1")
		if err != nil || done.Connections != 2 || time.Until(done.Until) < 24*time.Hour {
			t.Errorf("got %+v, %v", done, err)
		}
		w.settle()
		linked.link.stall(false)
		if got := linked.next(); len(got) != 0 || linked.link.end() != protocol.CodeUnauthorized || linked.link.farewell().Frame.Retry {
			t.Errorf("it heard %v and ended with %q", got, linked.link.end())
		}
		if other.link.end() != "" {
			t.Error("another user ended, too")
		}
		for _, session := range []string{"", parked.session} {
			if _, err := w.open(protocol.Peer{}, &protocol.ClientFrame{Type: protocol.TypeConnect, Token: old, Session: session}); !errors.Is(err, errRevoked) {
				t.Errorf("with the old token: %v", err)
			}
		}
		if _, err := w.bus.Find(parked.session, protocol.Peer{Token: old}); !errors.Is(err, errRevoked) {
			t.Errorf("a poll with the old token: %v", err)
		}
		w.pass(time.Second) // a token's time is in whole seconds
		w.signIn(sign(t, "u1", time.Hour), "").may("inbox/u1", true)
	})
}

// B120: a token that the issuer's clock has dated ahead, as far as that is allowed, is as void as the others of its user.
func TestB120_ATokenDatedAheadDoesNotOutliveItsUser(t *testing.T) {
	for _, ahead := range []time.Duration{0, time.Second, access.TokenLeeway - time.Second} {
		t.Run(ahead.String(), func(t *testing.T) {
			inBubble(t, withTokens(t, usual), func(w *world) {
				now := time.Now()
				token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
					"iss": "tests", "aud": "tidings", "sub": "u1", "jti": "ahead", "iat": now.Add(ahead).Unix(), "exp": now.Add(time.Hour).Unix(),
				}).SignedString(tokenSecret)
				if err != nil {
					t.Fatal(err)
				}
				c := w.signIn(token, "")
				if done, err := w.bus.RevokeUser("u1"); err != nil || done.Connections != 1 {
					t.Errorf("got %+v, %v; want one connection that ends", done, err)
				}
				w.settle()
				if end := c.link.end(); end != protocol.CodeUnauthorized {
					t.Errorf("its link ended with %q", end)
				}
				w.pass(ahead)
				if _, err := w.open(protocol.Peer{}, &protocol.ClientFrame{Type: protocol.TypeConnect, Token: token}); !errors.Is(err, errRevoked) {
					t.Errorf("with the same token: %v", err)
				}
			})
		})
	}
}

// Once an issuer's clock was seen to be ahead, what it issued before a revocation and dates after it counts as revoked, too,
// also if it is shown for the first time later. What it issues after that long counts.
func TestB120_AnIssuerWhoseClockIsAhead(t *testing.T) {
	const ahead = 5 * time.Second
	inBubble(t, withTokens(t, usual), func(w *world) {
		issue := func(user string) string {
			now := time.Now().Add(ahead)
			token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
				"iss": "tests", "aud": "tidings", "sub": user, "jti": "of" + now.String(), "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
			}).SignedString(tokenSecret)
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		w.signIn(issue("another"), "")
		kept := issue("u1")
		w.pass(time.Second)
		if _, err := w.bus.RevokeUser("u1"); err != nil {
			t.Fatal(err)
		}
		w.pass(2 * ahead)
		if _, err := w.open(protocol.Peer{}, &protocol.ClientFrame{Type: protocol.TypeConnect, Token: kept}); !errors.Is(err, errRevoked) {
			t.Errorf("with a token from before: %v, want revoked", err)
		}
		w.signIn(issue("u1"), "").may("inbox/u1", true)
	})
}

func TestARevokedTokenIsGoneAtOnce(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		token := sign(t, "u1", time.Hour)
		first, second := w.signIn(token, ""), w.signIn(sign(t, "u1", time.Hour), "")
		if done, err := w.bus.RevokeToken(first.conn.Identity().TokenID()); err != nil || done.Connections != 1 {
			t.Errorf("got %+v, %v", done, err)
		}
		w.settle()
		if first.link.end() != protocol.CodeUnauthorized || second.link.end() != "" {
			t.Errorf("ended with %q and %q", first.link.end(), second.link.end())
		}
		if answer, _ := second.ask(protocol.ClientFrame{Type: protocol.TypeRefresh, Token: token}); answer.Code != protocol.CodeUnauthorized {
			t.Errorf("a refresh with it: %+v", answer)
		}
	})
}

// Whenever it comes between the check of a token and its use, a revocation is not passed by.
func TestARevocationWhileATokenIsOnItsWay(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		id := access.NewIdentity("u1", nil, nil, nil)
		w.bus.RevokeUser("u1")
		w.bus.sessions.Enter()
		link := &link{}
		c, gen := w.bus.begin(protocol.Peer{}, id, nil, places{}, link)
		(&client{w: w, link: link}).use(c, gen)
		w.settle()
		if link.end() != protocol.CodeUnauthorized {
			t.Errorf("a connection that was begun: %q", link.end())
		}
		anonymous := w.connect()
		w.bus.send(anonymous.conn.pid, verified{id: 1, identity: id})
		w.settle()
		if anonymous.link.end() != protocol.CodeUnauthorized {
			t.Errorf("a refresh that was verified: %q", anonymous.link.end())
		}
	})
}

func TestDisconnectingAUser(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		one, two, other, anonymous := w.signIn(sign(t, "u1", time.Hour), ""), w.signIn(sign(t, "u1", time.Hour), ""), w.signIn(sign(t, "u2", time.Hour), ""), w.connect()
		if n := w.bus.DisconnectUser("", protocol.CodeDisconnected); n != 0 {
			t.Errorf("%d anonymous clients ended", n)
		}
		if n := w.bus.DisconnectUser("u1", protocol.CodeSessionGone); n != 2 {
			t.Errorf("%d ended", n)
		}
		w.settle()
		if one.link.end() != protocol.CodeSessionGone || two.link.end() != protocol.CodeSessionGone || other.link.end() != "" || anonymous.link.end() != "" {
			t.Errorf("ended with %q, %q, %q, %q", one.link.end(), two.link.end(), other.link.end(), anonymous.link.end())
		}
	})
}

func TestNothingIsRevokedWithoutTokens(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		if _, err := w.bus.RevokeUser("u"); !errors.Is(err, &protocol.Error{Code: protocol.CodeUnsupported}) {
			t.Errorf("got %v", err)
		}
	})
}
