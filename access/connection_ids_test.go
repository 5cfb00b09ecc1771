package access

import (
	"bytes"
	"strings"
	"testing"
)

var idSecret = bytes.Repeat([]byte("s"), MinSecretBytes)

func knows(t testing.TB, secrets ...[]byte) ConnectionIDs {
	t.Helper()
	ids, err := NewConnectionIDs(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// The form is the contract with applications in other languages: docs/backends.md has it, too.
func TestAConnectionIDsForm(t *testing.T) {
	id, err := knows(t, idSecret).Sign("page-0123456789abcdef", "the key of a session")
	if want := "page-0123456789abcdef~f1sGL_F-3ddDnaZ-6Zu0hfzoEofJ4HTnB8R8XLVPTvo~NpTjlctklf01NRwgz1dRKundVaXGojx-PVJtuKDGDFc"; err != nil || id != want {
		t.Errorf("got %s, %v, want %s, as Python makes it", id, err, want)
	}
	page, ok := knows(t, idSecret).Verify(id)
	if want := (Page{ID: "page-0123456789abcdef", Session: SessionHash("the key of a session")}); !ok || page != want {
		t.Errorf("got %+v, %v", page, ok)
	}
}

func TestSecretsOfConnectionIDsRotate(t *testing.T) {
	newer := bytes.Repeat([]byte("n"), MinSecretBytes)
	old, err := knows(t, idSecret).Sign("page-0123456789abcdef", "k")
	if err != nil {
		t.Fatal(err)
	}
	both := knows(t, newer, idSecret)
	if _, ok := both.Verify(old); !ok {
		t.Error("an id of the older secret does not count")
	}
	id, err := both.Sign("page-0123456789abcdef", "k")
	if _, ok := knows(t, newer).Verify(id); !ok || err != nil {
		t.Error("the first secret does not sign", err)
	}
	if _, ok := knows(t, newer).Verify(old); ok {
		t.Error("an id of a secret that is gone counts")
	}
	if _, ok := (ConnectionIDs{}).Verify(id); ok {
		t.Error("an id counts where there is no secret")
	}
}

func TestWhatIsNoConnectionID(t *testing.T) {
	ids := knows(t, idSecret)
	for _, tt := range []struct{ name, page, key string }{
		{"a page's id that is too short", "0123456789abcde", "k"},
		{"one that is too long", strings.Repeat("a", 65), "k"},
		{"one with another character", "page~0123456789abcdef", "k"},
		{"no session", "page-0123456789abcdef", ""},
	} {
		if id, err := ids.Sign(tt.page, tt.key); err == nil {
			t.Errorf("%s: got %s", tt.name, id)
		}
	}
	if _, err := NewConnectionIDs(idSecret, idSecret[1:]); err == nil {
		t.Error("a secret that is too short was taken")
	}
	if _, err := (ConnectionIDs{}).Sign("page-0123456789abcdef", "k"); err == nil {
		t.Error("signed without a secret")
	}
}

// Whatever is altered, it counts no more.
func FuzzConnectionID(f *testing.F) {
	ids := knows(f, idSecret)
	genuine, err := ids.Sign("page-0123456789abcdef", "k")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{genuine, genuine + "A", genuine[1:], strings.ReplaceAll(genuine, "~", "~~"), "", "~", "~~", genuine + "~" + genuine} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, id string) {
		page, ok := ids.Verify(id)
		if ok != (id == genuine) || !ok && page != (Page{}) {
			t.Fatalf("%q: got %+v, %v", id, page, ok)
		}
	})
}
