package access

import (
	"strings"
	"testing"
)

const good = "0123456789abcdef" // MinKeyBytes long

func TestNewKeys(t *testing.T) {
	for _, c := range []struct {
		name string
		keys []string
		want string // part of the error
	}{
		{name: "none"},
		{name: "shortest allowed", keys: []string{good}},
		{name: "one byte too short", keys: []string{good[1:]}, want: "key 1 is shorter than 16 bytes"},
		{name: "empty, as an unset variable gives", keys: []string{""}, want: "key 1 is shorter"},
		{name: "two, for rotation", keys: []string{good, good + "x"}},
		{name: "with a name", keys: []string{"shop " + good}},
		{name: "two of one name, for rotation", keys: []string{"shop " + good, "shop " + good + "x"}},
		{name: "the same key of two names", keys: []string{"shop " + good, "desk " + good}, want: "key 2 is given twice"},
		{name: "the longest name", keys: []string{strings.Repeat("n", 32) + " " + good}},
		{name: "a longer name", keys: []string{strings.Repeat("n", 33) + " " + good}, want: "key 1 must be the key alone"},
		{name: "a name of other letters", keys: []string{"sh\"op " + good}, want: "key 1 must be the key alone"},
		{name: "no name", keys: []string{" " + good}, want: "key 1 must be the key alone"},
		{name: "three words", keys: []string{"my shop " + good}, want: "key 1 must be the key alone"},
		{name: "with scopes", keys: []string{"shop " + good + " publish=shop/** read=shop/orders admin=** metrics"}},
		{name: "a table of tabs and spaces", keys: []string{"shop\t" + good + "  \t publish=shop/**"}},
		{name: "a scope of no name", keys: []string{good + " publish=shop/**"}, want: "key 1 must be the key alone"},
		{name: "a scope that does not exist", keys: []string{"shop " + good + " subscribes=shop/**"}, want: "key 1 must be the key alone"},
		{name: "a scope without a pattern", keys: []string{"shop " + good + " publish"}, want: "key 1 has a bad scope"},
		{name: "a pattern that is none", keys: []string{"shop " + good + " publish=shop*"}, want: `key 1 has a bad scope "publish": pattern "shop*"`},
		{name: "a placeholder", keys: []string{"shop " + good + " read=inbox/{user}"}, want: "a placeholder could stand for"},
		{name: "scopes and a short key", keys: []string{"shop short publish=shop/**"}, want: "key 1 is shorter"},
		{name: "rotation with the same scopes in another order", keys: []string{"shop " + good + " read=a publish=a", "shop " + good + "x publish=a read=a"}},
		{name: "rotation that forgets the scopes", keys: []string{"shop " + good + " publish=a", "shop " + good + "x"}, want: "key 2 has other scopes"},
		{name: "the same twice", keys: []string{good, good}, want: "key 2 is given twice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, err := NewKeys(c.keys...)
			if c.want == "" {
				if err != nil || k.Len() != len(c.keys) {
					t.Fatalf("got %d keys and %v", k.Len(), err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if k.Len() != 0 || len(c.keys[0]) > 0 && strings.Contains(err.Error(), c.keys[0]) {
				t.Fatalf("%d keys were kept, or the error shows one: %v", k.Len(), err)
			}
		})
	}
}

// B70: whatever is wrong with a key, it is not a key.
func TestB70_Find(t *testing.T) {
	other := strings.Repeat("k", 40)
	keys, err := NewKeys(good, other)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, key string
		want      bool
	}{
		{name: "the first", key: good, want: true},
		{name: "the second", key: other, want: true},
		{name: "empty", key: ""},
		{name: "a prefix", key: good[:15]},
		{name: "one byte more", key: good + "x"},
		{name: "the same length", key: "0123456789abcdeF"},
		{name: "unicode", key: "0123456789abcdeé"},
		{name: "a mebibyte", key: strings.Repeat("k", 1<<20)},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, ok := keys.Find(c.key)
			name := b.Principal()
			if ok != c.want || ok == (name == "") {
				t.Fatalf("got %q, %v", name, ok)
			}
			if ok && strings.Contains(name, c.key) {
				t.Fatal("the name shows the key")
			}
		})
	}
	a, _ := keys.Find(good)
	if b, _ := keys.Find(other); a.Principal() == b.Principal() {
		t.Fatal("two keys are one principal")
	}
	if _, ok := (Keys{}).Find(""); ok {
		t.Fatal("no keys let the empty key in")
	}
}

func TestPrincipalsOfNames(t *testing.T) {
	keys, err := NewKeys("shop "+good+"1", "shop "+good+"2", "desk "+good+"3", good+"4", good+"5")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, n := range []string{"1", "2", "3", "4", "5"} {
		b, ok := keys.Find(good + n)
		name := b.Principal()
		if !ok || strings.Contains(name, good) {
			t.Fatalf("key %s: got %q, %v", n, name, ok)
		}
		seen[n] = name
	}
	if seen["1"] != "name:shop" || seen["2"] != seen["1"] || seen["3"] != "name:desk" || seen["4"] == seen["5"] {
		t.Errorf("got %v", seen)
	}
	if _, ok := keys.Find("shop " + good + "1"); ok {
		t.Error("the name was taken as part of the key")
	}
}
