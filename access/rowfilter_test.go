package access

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"tidings/protocol"
)

func TestFilledRowFilter(t *testing.T) {
	mean := `"},{"exists":"_id"}],"x":["`
	identities := map[string]Identity{
		"nobody": {},
		"ann":    NewIdentity("ann", []string{"desk"}, nil, map[string][]string{"tenant": {"t1"}}),
		"two":    NewIdentity("two", nil, nil, map[string][]string{"tenant": {"t1", "t2"}}),
		"none":   NewIdentity("none", nil, nil, nil),
		"empty":  NewIdentity("empty", nil, nil, map[string][]string{"tenant": {}}),
		"mean":   NewIdentity(mean, nil, nil, map[string][]string{"tenant": {mean}}),
		"braces": NewIdentity("{tenant}", nil, nil, map[string][]string{"tenant": {"{user}"}}),
	}
	quoted, _ := json.Marshal(mean)
	const one, many = `{"equals": {"tenant": "{tenant}"}}`, `{"in": {"tenant": "{tenant}"}}`
	for _, tt := range []struct{ name, filter, who, want string }{
		{"a claim", one, "ann", `{"equals":{"tenant":"t1"}}`},
		{"the user", `{"equals": {"owner": "{user}"}}`, "ann", `{"equals":{"owner":"ann"}}`},
		{"a claim as a list", many, "two", `{"in":{"tenant":["t1","t2"]}}`},
		{"one in a list", `{"in": {"tenant": ["all", "{tenant}"]}}`, "ann", `{"in":{"tenant":["all","t1"]}}`},
		{"ids", `{"ids": {"values": "{tenant}"}}`, "two", `{"ids":{"values":["t1","t2"]}}`},
		{"deep", `{"bool": {"must_not": [{"or": [{"equals": {"a": "{tenant}"}}, {"exists": "b"}]}]}}`, "ann", `{"bool":{"must_not":[{"or":[{"equals":{"a":"t1"}},{"exists":"b"}]}]}}`},
		{"numbers stay as they are", `{"and": [{"equals": {"n": 9007199254740993}}, {"equals": {"t": "{tenant}"}}]}`, "ann", `{"and":[{"equals":{"n":9007199254740993}},{"equals":{"t":"t1"}}]}`},
		{"no claim", one, "none", nothing},
		{"no claim for a list", many, "none", nothing},
		{"an empty claim for a list", many, "empty", nothing},
		{"no token", one, "nobody", nothing},
		{"no token has no user", `{"equals": {"owner": "{user}"}}`, "nobody", nothing},
		{"a list where one value must stand", one, "two", nothing},
		{"a list among others", `{"in": {"tenant": ["all", "{tenant}"]}}`, "two", nothing},
		{"no claim below not", `{"not": ` + one + `}`, "none", nothing},
		{"no claim in one part of an or", `{"or": [{"exists": "public"}, ` + one + `]}`, "none", nothing},
		{"a claim that looks like JSON", one, "mean", `{"equals":{"tenant":` + string(quoted) + `}}`},
		{"a list of claims that look like JSON", many, "mean", `{"in":{"tenant":[` + string(quoted) + `]}}`},
		{"a user that looks like JSON", `{"equals": {"owner": "{user}"}}`, "mean", `{"equals":{"owner":` + string(quoted) + `}}`},
		{"a claim that looks like a placeholder", one, "braces", `{"equals":{"tenant":"{user}"}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := readRowFilter(tt.filter)
			if err != nil {
				t.Fatalf("%s: %v", tt.filter, err)
			}
			got, lacks := f.fill(identities[tt.who])
			if (lacks != "") != (tt.want == nothing) {
				t.Errorf("%s for %s: lacks %q", tt.filter, tt.who, lacks)
			}
			var have, want any
			if json.Unmarshal(got, &have) != nil || json.Unmarshal([]byte(tt.want), &want) != nil || !reflect.DeepEqual(have, want) {
				t.Errorf("%s for %s:\ngot  %s\nwant %s", tt.filter, tt.who, got, tt.want)
			}
			if tt.name == "numbers stay as they are" && string(got) != tt.want {
				t.Errorf("got %s", got)
			}
		})
	}
}

// A placeholder stands where its claim can be nothing but a value.
func TestRowFilterRefuses(t *testing.T) {
	for _, tt := range []struct{ name, filter, says string }{
		{"no JSON", `{"equals"`, "not JSON"},
		{"no object", `["{tenant}"]`, "not a JSON object"},
		{"two", `{} {}`, "follows"},
		{"an expression", `{"regexp": {"tenant": {"value": "{tenant}"}}}`, "placeholder"},
		{"an expression of a field named equals", `{"regexp": {"equals": {"value": "{tenant}"}}}`, "placeholder"},
		{"a field", `{"exists": "{field}"}`, "placeholder"},
		{"a field of equals", `{"equals": {"{field}": 1}}`, "only values"},
		{"a keyword", `{"{keyword}": {"a": 1}}`, "only values"},
		{"a part of a text", `{"equals": {"tenant": "x-{tenant}"}}`, "placeholder"},
		{"a range", `{"range": {"n": {"gte": "{n}"}}}`, "placeholder"},
		{"a whole clause", `{"and": ["{clause}"]}`, "placeholder"},
		{"the keyword's value", `{"equals": "{tenant}"}`, "placeholder"},
		{"a list in a list", `{"in": {"a": [["{tenant}"]]}}`, "placeholder"},
		{"an object in equals", `{"equals": {"a": {"b": "{tenant}"}}}`, "placeholder"},
		{"an array in equals", `{"equals": {"a": ["{tenant}"]}}`, "placeholder"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := readRowFilter(tt.filter); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: got %v, want one that says %q", tt.filter, err, tt.says)
			}
		})
	}
}

// A rule with a filter that is no JSON, or could be read as more than was meant, is refused by name.
func TestRulesRefuseWrongRowFilters(t *testing.T) {
	for filter, says := range map[string]string{`{"equals"`: "not JSON", `{"exists": "{field}"}`: "placeholder"} {
		rules := Rules{Channels: []Rule{{Pattern: "crm/**", Subscribe: User, Filter: filter}}}
		if err := rules.Validate(); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), `"crm/**"`) {
			t.Errorf("%s: got %v, want one that names the pattern and says %q", filter, err, says)
		}
	}
}

func TestSampleFilter(t *testing.T) {
	got, err := SampleFilter(`{"and": [{"equals": {"a": "{tenant}"}}, {"in": {"b": "{user}"}}]}`)
	if want := `{"and":[{"equals":{"a":"x"}},{"in":{"b":["x"]}}]}`; err != nil || string(got) != want {
		t.Errorf("got %s %v, want %s", got, err, want)
	}
	if _, err := SampleFilter(`{"exists": "{field}"}`); err == nil {
		t.Error("a placeholder where none can be was taken")
	}
}

// The rule that decides for a channel has the filter, and identities that it tells apart are not equivalent.
func TestRowFilterOfAChannel(t *testing.T) {
	p, err := Rules{Channels: []Rule{
		{Pattern: "crm/**", Subscribe: Anyone, Filter: `{"equals": {"tenant": "{tenant}"}}`},
		{Pattern: "crm/open", Subscribe: Anyone},
	}}.Compile()
	if err != nil || !p.HasRowFilters() {
		t.Fatalf("%v, %t", err, p.HasRowFilters())
	}
	one := NewIdentity("ann", nil, nil, map[string][]string{"tenant": {"t1"}})
	for ch, want := range map[protocol.Channel]string{"crm/orders": `{"equals":{"tenant":"t1"}}`, "crm/open": "", "other": ""} {
		if got, fault := p.RowFilter(one, ch); string(got) != want || fault != nil {
			t.Errorf("%s: got %q and %v, want %q", ch, got, fault, want)
		}
	}
	other := NewIdentity("ann", nil, nil, map[string][]string{"tenant": {"t2"}})
	if p.Equivalent(one, other) || !p.Equivalent(one, one) {
		t.Error("a user of another tenant took over the session")
	}
	for _, lacking := range []Identity{{}, NewIdentity("ann", nil, nil, nil)} {
		got, fault := p.RowFilter(lacking, "crm/orders")
		if string(got) != nothing || fault == nil || fault.Code != protocol.CodeForbidden || !strings.Contains(fault.Reason, "no {tenant}") || fault.Hint == "" {
			t.Errorf("without the claim: %s and %v; want the filter that matches nothing, and forbidden that names the claim", got, fault)
		}
		if p.MaySubscribe(lacking, "crm/orders") == nil || p.MaySubscribe(lacking, "crm/open") != nil {
			t.Error("without the claim: want crm/orders forbidden, and crm/open allowed")
		}
		if d := p.Explain(lacking, "crm/orders"); d.Subscribe.Allowed || !strings.Contains(d.Subscribe.Why, "no {tenant}") || string(d.Filter) != nothing {
			t.Errorf("explained as %+v", d)
		}
	}
	if d := p.Explain(one, "crm/orders"); !d.Subscribe.Allowed || string(d.Filter) != `{"equals":{"tenant":"t1"}}` {
		t.Errorf("explained as %+v", d)
	}
}
