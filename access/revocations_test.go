package access

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestRevocations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := func(user, token string, issued time.Time) Identity {
			return Identity{User: user, grants: &grants{token: token, issued: issued}}
		}
		var r Revocations
		now := time.Now()
		until := now.Add(time.Hour)
		if r.Revoked(at("u", "t", now)) {
			t.Error("an empty list revokes")
		}
		r.RevokeToken("t", until)
		r.RevokeUser("v", now, until)
		for _, c := range []struct {
			name string
			id   Identity
			want bool
		}{
			{"the token", at("u", "t", now), true},
			{"another of the user", at("u", "t2", now), false},
			{"a user of the token's name", at("t", "x", now), false},
			{"a token of the user's name", at("u", "v", now.Add(time.Second)), false},
			{"of the user, before", at("v", "x", now.Add(-time.Hour)), true},
			{"of the user, in the same second", at("v", "x", now), true},
			{"of the user, after", at("v", "x", now.Add(time.Second)), false},
			{"of the user, without a time", at("v", "x", time.Time{}), true},
			{"anonymous", Identity{}, false},
		} {
			if got := r.Revoked(c.id); got != c.want {
				t.Errorf("%s: %v", c.name, got)
			}
		}
		for _, row := range []struct {
			shown time.Duration // ahead of our clock
			want  bool          // a token dated 10 s after the revocation is revoked
		}{{-time.Hour, false}, {time.Second, false}, {9 * time.Second, false}, {10 * time.Second, true}, {time.Second, true}} {
			r.Shown(at("w", "y", now.Add(row.shown)))
			if got := r.Revoked(at("v", "x", now.Add(10*time.Second))); got != row.want {
				t.Errorf("after a token that is %s ahead: %v, want %v", row.shown, got, row.want)
			}
		}
		if r.Shown(Identity{}); r.Revoked(at("v", "x", now.Add(11*time.Second))) {
			t.Error("an anonymous client changed it")
		}
		for i := range MaxRevocations {
			if err := r.RevokeToken(fmt.Sprint("n", i), now.Add(time.Minute)); codeOf(err) != "" != (i >= MaxRevocations-2) {
				t.Fatalf("%d: %v", i, err)
			}
		}
		if err := r.RevokeUser("v", now, until); err != nil {
			t.Errorf("one that is there: %v", err)
		}
		time.Sleep(2 * time.Minute)
		if err := r.RevokeToken("later", until); err != nil || r.Len() != 3 {
			t.Errorf("when others are over: %v, %d are left", err, r.Len())
		}
		if !r.Revoked(at("u", "t", now)) {
			t.Error("one was forgotten before its time")
		}
	})
}
