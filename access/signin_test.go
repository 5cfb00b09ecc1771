package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/protocol"
)

// users is a file of which the hash is cheap, so that tests are quick.
func users(t testing.TB, more ...string) *Users {
	t.Helper()
	h := hash{memory: 64, time: 1, threads: 1, salt: []byte("0123456789abcdef")}
	h.key = h.of("right", hashKeyBytes)
	u, err := ReadUsers([]byte("# users\n\nann " + h.String() + " desk,admin\n" + strings.Join(more, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func signIn(t testing.TB, u *Users) *SignIn {
	t.Helper()
	signer, err := NewSigner([]byte("a secret of these tests, of more than 32 bytes"))
	if err != nil {
		t.Fatal(err)
	}
	return &SignIn{Users: u, Signer: signer, Issuer: "tests", Audience: "tidings", Lifetime: time.Hour, RolesClaim: "roles", PermissionsClaim: "permissions"}
}

func TestUsersFile(t *testing.T) {
	good := HashPassword("a password")
	for _, tt := range []struct{ name, text, fault string }{
		{name: "nobody", text: "# none\n"},
		{name: "with roles and without", text: "ann " + good + " a,b\nbob " + good},
		{name: "no hash", text: "ann\n", fault: "line 1"},
		{name: "a password in the place of a hash", text: "\nann secret\n", fault: "line 2: not a hash"},
		{name: "a hash of another kind", text: "ann $2b$12$abc\n", fault: "not a hash"},
		{name: "twice", text: "ann " + good + "\nann " + good, fault: "line 2"},
		{name: "a hash that costs too much", text: "ann " + strings.Replace(good, "m=19456", "m=99999999", 1), fault: "costs more"},
		{name: "a hash without a key", text: "ann $argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAA$", fault: "cannot be read"},
		{name: "a name that is too long", text: strings.Repeat("x", 129) + " " + good, fault: "1 to 128 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ReadUsers([]byte(tt.text))
			if (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
				t.Errorf("got %v, want %q", err, tt.fault)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("%v repeats what the file holds", err)
			}
		})
	}
	u, _ := ReadUsers([]byte("ann " + good))
	if _, ok, _ := u.Check(context.Background(), "ann", "a password"); !ok {
		t.Error("a hash is not that of its password")
	}
}

func TestSignIn(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want protocol.Code
	}{
		{`{"strategy":"local","credentials":{"username":"ann","password":"right"}}`, ""},
		{`{"strategy":"local","credentials":{"email":"ann","password":"right"},"ttl":60000}`, ""},
		{`{"strategy":"local","credentials":{"username":"ann","password":"wrong"}}`, protocol.CodeUnauthorized},
		{`{"strategy":"local","credentials":{"username":"nobody","password":"right"}}`, protocol.CodeUnauthorized},
		{`{"strategy":"local","credentials":{"username":"ann","password":"right` + strings.Repeat(" ", MaxPasswordBytes) + `"}}`, protocol.CodeUnauthorized},
		{`{"strategy":"local","credentials":{"username":"ann"}}`, protocol.CodeBadRequest},
		{`{"strategy":"local","credentials":{"username":1,"password":2}}`, protocol.CodeBadRequest},
		{`{"strategy":"local"}`, protocol.CodeBadRequest},
		{`{"strategy":"google","credentials":{}}`, protocol.CodeNotFound},
		{`[]`, protocol.CodeBadRequest},
		{``, protocol.CodeBadRequest},
	} {
		s := signIn(t, users(t))
		answer, err := s.Do(context.Background(), "", []byte(tt.in))
		if tt.want != "" {
			if !errors.Is(err, &protocol.Error{Code: tt.want}) {
				t.Errorf("%s\ngot  %s, %v\nwant %s", tt.in, answer, err, tt.want)
			}
			continue
		}
		var got SignedIn
		if err != nil || json.Unmarshal(answer, &got) != nil {
			t.Errorf("%s\ngot %v", tt.in, err)
			continue
		}
		verifier, _ := NewTokens(TokenConfig{Issuer: "tests", Audience: "tidings", Secret: []byte("a secret of these tests, of more than 32 bytes")})
		id, fault := verifier.Verify(context.Background(), got.Token)
		if fault != nil || id.User != "ann" || !slices.Contains(id.Roles(), "desk") || got.User != "ann" || got.TTL > time.Hour.Milliseconds() || strings.Contains(tt.in, "ttl") && got.TTL != 60_000 {
			t.Errorf("%s\ngot %+v with the roles %q of %+v, %v", tt.in, id, id.Roles(), got, fault)
		}
	}
}

// A name and an address have five attempts a minute, whether they are right or wrong.
func TestSignInRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := signIn(t, users(t))
		try := func(address, name, password string) protocol.Code {
			_, err := s.Do(context.Background(), address, fmt.Appendf(nil, `{"strategy":"local","credentials":{"username":%q,"password":%q}}`, name, password))
			if err == nil {
				return ""
			}
			return protocol.AsError(err).Code
		}
		for i := range MaxSignIns {
			if got := try(fmt.Sprint("address", i), "ann", "wrong"); got != protocol.CodeUnauthorized {
				t.Fatalf("attempt %d: %s", i, got)
			}
		}
		if got := try("another", "ann", "right"); got != protocol.CodeRateLimited {
			t.Errorf("one more for the name: %q", got)
		}
		for i := range MaxSignIns {
			try("one", fmt.Sprint("name", i), "wrong")
		}
		if got := try("one", "bob", "wrong"); got != protocol.CodeRateLimited {
			t.Errorf("one more from the address: %q", got)
		}
		time.Sleep(time.Minute)
		if got := try("another", "ann", "right"); got != "" {
			t.Errorf("a minute later: %q", got)
		}
	})
}

// The hash is computed as often for a name that there is not.
func TestUnknownNamesCostAsMuch(t *testing.T) {
	u := users(t)
	if u.decoy.memory != 64 || u.decoy.time != 1 || len(u.decoy.key) != hashKeyBytes {
		t.Errorf("nobody is checked with %d KiB and %d passes", u.decoy.memory, u.decoy.time)
	}
	if _, ok, err := u.Check(context.Background(), "nobody", "right"); ok || err != nil {
		t.Errorf("nobody signs in with the password whose hash is compared: %v, %v", ok, err)
	}
	full := users(t)
	for range cap(full.space) {
		full.space <- struct{}{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, ok, err := full.Check(ctx, "ann", "right"); ok || err == nil {
		t.Errorf("a check beside too many others: %v, %v", ok, err)
	}
}

func TestSignInByTheApplication(t *testing.T) {
	s := signIn(t, nil)
	s.Ask = func(_ context.Context, data []byte) ([]byte, error) {
		if string(data) != `{"credentials":{"code":"7"},"strategy":"sms"}` {
			return nil, errCredentials
		}
		return []byte(`{"user":"bob","roles":["desk"],"claims":{"tenant":"t1"},"profile":{"name":"Bob"},"ttl":5000}`), nil
	}
	answer, err := s.Do(context.Background(), "", []byte(`{"strategy":"sms","credentials":{"code":"7"}}`))
	var got SignedIn
	if err != nil || json.Unmarshal(answer, &got) != nil || got.User != "bob" || got.TTL != 5000 || string(got.Profile) != `{"name":"Bob"}` {
		t.Errorf("got %s, %v", answer, err)
	}
	if _, err := s.Do(context.Background(), "", []byte(`{"strategy":"sms","credentials":{"code":"8"}}`)); !errors.Is(err, errCredentials) {
		t.Errorf("a wrong code: %v", err)
	}
}
