package kuzzle

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tidings/protocol"
)

// query is a search as the bus is asked.
type query struct {
	Filter json.RawMessage `json:"filter,omitempty"`
	Sort   []string        `json:"sort,omitempty"`
	After  string          `json:"after,omitempty"`
	From   int             `json:"from,omitempty"` // so many are left out first
	Size   int             `json:"size"`
	Until  int64           `json:"until,omitempty"` // of a scroll: when it ends, Unix milliseconds
	Taken  int             `json:"taken,omitempty"` // of a scroll: hits before this page
	Total  int             `json:"total,omitempty"` // of a scroll: hits of all pages
}

// Bounds of a search.
const (
	defaultSize = 10
	maxFound    = 10_000 // from and size together
	pageLimit   = 256    // of a page of the bus
)

// searched is the native answer to a search.
type searched struct {
	Documents []json.RawMessage `json:"documents"`
	Next      string            `json:"next"`
	Complete  bool              `json:"complete"`
	Total     *int              `json:"total"`
}

// querying reads what a search asks for: its body, and from and size.
func (t *talk) querying(r *request) (*query, *fault) {
	q := &query{Size: defaultSize}
	parts := map[string]json.RawMessage{}
	if r.body != nil {
		var wrong *fault
		if parts, wrong = r.object(); wrong != nil {
			return nil, wrong
		}
	}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if name != "query" && name != "sort" && name != "from" && name != "size" {
			return nil, t.lacks(r, knownKeyword(name))
		}
	}
	for _, name := range [...]string{"search_after", "targets"} {
		if r.args[name] != nil {
			return nil, t.lacks(r, name)
		}
	}
	for _, n := range [...]struct {
		name string
		to   *int
	}{{"from", &q.From}, {"size", &q.Size}} {
		raw := r.args[n.name]
		if raw == nil {
			raw = parts[n.name]
		}
		if raw == nil {
			continue
		}
		v, err := protocol.ReadUint(raw)
		if err != nil || v > maxFound {
			return nil, failure(invalidArgument, n.name, "a number up to 10000")
		}
		*n.to = int(v)
	}
	if q.From+q.Size > maxFound {
		return nil, failure(getLimit)
	}
	lang, wrong := r.text("lang", "elasticsearch")
	if wrong != nil {
		return nil, wrong
	}
	q.Filter = []byte("{}")
	if raw := parts["query"]; raw != nil && string(raw) != "null" {
		if lang == "koncorde" {
			q.Filter = nativeFilter(raw)
		} else if q.Filter, wrong = t.elastic(r, raw); wrong != nil {
			return nil, wrong
		}
	}
	q.Sort, wrong = t.sorting(r, parts["sort"])
	return q, wrong
}

// lacks refuses a part of a search that there is not.
func (t *talk) lacks(r *request, what string) *fault {
	return t.lang.lacks(r.controller + ":" + r.action + " with " + what)
}

// knownKeyword returns a keyword of Elasticsearch as it is, and anything else as one name: it becomes that of a metric.
func knownKeyword(name string) string {
	switch name {
	case "aggregations", "aggs", "highlight", "suggest", "collapse", "explain", "search_after", "match", "match_phrase", "multi_match", "query_string",
		"simple_query_string", "prefix", "wildcard", "regexp", "fuzzy", "nested", "geo_distance", "geo_bounding_box", "script", "minimum_should_match", "_source":
		return name
	}
	return "another keyword"
}

// sorting reads a sort of Elasticsearch.
func (t *talk) sorting(r *request, raw []byte) (sort []string, wrong *fault) {
	if raw == nil {
		return nil, nil
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	for _, each := range list {
		var field string
		if json.Unmarshal(each, &field) == nil {
			sort = append(sort, nativeField(field))
			continue
		}
		var by map[string]json.RawMessage
		if json.Unmarshal(each, &by) != nil {
			return nil, failure(invalidType, "sort", "array of strings and objects")
		}
		for _, field := range slices.Sorted(maps.Keys(by)) {
			order := strings.Trim(string(by[field]), `"`)
			var options struct {
				Order string `json:"order"`
			}
			if json.Unmarshal(by[field], &options) == nil {
				order = options.Order
			}
			field = nativeField(field)
			if order == "desc" {
				field = "-" + field
			}
			sort = append(sort, field)
		}
	}
	return sort, nil
}

// found are the hits of a search, and what else its answer says.
type found struct {
	hits  []json.RawMessage
	total int
	next  string
}

// find searches until there is what q asks for, page by page.
func (t *talk) find(r *request, q query, then func(*found)) *fault {
	if _, wrong := r.channel(); wrong != nil {
		return wrong
	}
	got, size, counted := &found{total: q.Total}, 0, q.After != ""
	skip, want := q.From, q.Size
	var page func(after string)
	page = func(after string) {
		d, _ := documents(r, "search")
		d.with("filter", q.Filter)
		if len(q.Sort) > 0 {
			sort, _ := json.Marshal(q.Sort)
			d.with("sort", sort)
		}
		if after != "" {
			d.with("after", appendText(nil, after))
		}
		if !counted {
			d.with("count", []byte("true"))
		}
		d.data = appendInt(d.data, "limit", int64(min(max(skip+want, 1), pageLimit)))
		t.call(d, func(answer []byte) {
			var s searched
			json.Unmarshal(answer, &s)
			if !counted {
				counted = true
				if got.total = maxFound; s.Total != nil { // as Elasticsearch, which stops counting there
					got.total = *s.Total
				}
			}
			for _, doc := range s.Documents {
				if skip > 0 {
					skip--
				} else if want > 0 {
					want--
					size += len(doc)
					got.hits = append(got.hits, doc)
				}
			}
			got.next = s.Next
			switch {
			case size > maxManyBytes:
				t.refuse(r, failure(getLimit))
			case s.Next == "" || want == 0:
				then(got)
			default:
				page(s.Next)
			}
		})
	}
	page(q.After)
	return nil
}

// search is document:search.
func (t *talk) search(r *request) *fault {
	q, wrong := t.querying(r)
	if wrong != nil {
		return wrong
	}
	scroll, wrong := r.text("scroll", "")
	if wrong != nil {
		return wrong
	}
	return t.answerSearch(r, q, scroll != "")
}

// scroll is document:scroll. A scroll's id says what is searched and how far it is: nothing of it is kept here.
func (t *talk) scroll(r *request) *fault {
	id, wrong := r.text("scrollId", "")
	if wrong != nil {
		return wrong
	}
	if id == "" {
		return failure(missingArgument, "scrollId")
	}
	var of struct {
		Index, Collection string
		query
	}
	raw, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil || json.Unmarshal(raw, &of) != nil || of.Until < nowMS() || of.Size < 1 || of.Size > maxFound || of.After == "" || of.Taken < 0 || of.Total < 0 {
		return failure(noScroll)
	}
	r.index, r.collection = of.Index, of.Collection
	of.query.From = 0
	return t.answerSearch(r, &of.query, true)
}

// scrollTime is how long a scroll's id is good, in milliseconds.
const scrollTime = 60_000

func (t *talk) answerSearch(r *request, q *query, scroll bool) *fault {
	return t.find(r, *q, func(got *found) {
		place := appendPlace(nil, protocol.Channel(channelPrefix+r.index+"/"+r.collection))
		result := []byte(`{"hits":[`)
		for _, hit := range got.hits {
			result = append(separated(result, ""), shown(hit, `,"_score":1`+string(place))...)
		}
		taken := q.Taken + q.From + len(got.hits)
		result = strconv.AppendInt(append(result, `],"total":`...), int64(got.total), 10)
		result = appendInt(result, "remaining", int64(max(got.total-taken, 0)))
		if scroll && got.next != "" {
			next := *q
			next.After, next.Taken, next.Total, next.From, next.Until = got.next, taken, got.total, 0, nowMS()+scrollTime
			id, _ := json.Marshal(struct {
				Index, Collection string
				query
			}{r.index, r.collection, next})
			result = appendMember(result, "scrollId", base64.RawURLEncoding.EncodeToString(id))
		}
		t.answer(r, append(result, '}'))
	})
}

// countDocuments is document:count.
func (t *talk) countDocuments(r *request) *fault {
	q, wrong := t.querying(r)
	if wrong != nil {
		return wrong
	}
	q.Size, q.From = 0, 0
	return t.find(r, *q, func(got *found) {
		t.answer(r, append(strconv.AppendInt([]byte(`{"count":`), int64(got.total), 10), '}'))
	})
}

// elastic returns a query of Elasticsearch as a filter, if it asks for nothing but what filters have.
func (t *talk) elastic(r *request, raw []byte) (json.RawMessage, *fault) {
	var clause map[string]json.RawMessage
	if json.Unmarshal(raw, &clause) != nil || len(clause) > 1 {
		return nil, failure(invalidType, "body.query", "object with one keyword")
	}
	for name, value := range clause {
		switch name {
		case "match_all":
			return []byte("{}"), nil
		case "ids", "exists":
			return nativeFilter(raw), nil
		case "range":
			return nativeFilter(raw), nil
		case "term":
			return nativeFilter(named("equals", unwrapped(value))), nil
		case "terms":
			return nativeFilter(named("in", value)), nil
		case "bool":
			return t.elasticBool(r, value)
		default:
			return nil, t.lacks(r, knownKeyword(name))
		}
	}
	return []byte("{}"), nil
}

// unwrapped returns {"f": v} for {"f": {"value": v}}.
func unwrapped(value []byte) []byte {
	var fields map[string]json.RawMessage
	if json.Unmarshal(value, &fields) != nil {
		return value
	}
	for name, v := range fields {
		var inner struct {
			Value json.RawMessage `json:"value"`
		}
		if bytes.HasPrefix(v, []byte{'{'}) && json.Unmarshal(v, &inner) == nil && inner.Value != nil {
			fields[name] = inner.Value
		}
	}
	out, _ := json.Marshal(fields)
	return out
}

func named(name string, value []byte) []byte {
	return append(append(appendText([]byte{'{'}, name), ':'), append(bytes.Clone(value), '}')...)
}

// elasticBool translates a bool. "should" beside "must" or "filter" changes the score alone, which there is not.
func (t *talk) elasticBool(r *request, raw []byte) (json.RawMessage, *fault) {
	var parts map[string]json.RawMessage
	if json.Unmarshal(raw, &parts) != nil {
		return nil, failure(invalidType, "body.query.bool", "object")
	}
	lists := map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		to := name
		switch name {
		case "must", "must_not", "should":
		case "filter":
			to = "must"
		default:
			return nil, t.lacks(r, knownKeyword(name))
		}
		var clauses []json.RawMessage
		if json.Unmarshal(parts[name], &clauses) != nil {
			clauses = []json.RawMessage{parts[name]}
		}
		for _, clause := range clauses {
			f, wrong := t.elastic(r, clause)
			if wrong != nil {
				return nil, wrong
			}
			if string(f) == "{}" && to != "must" {
				f = []byte(`{"not":{"nothing":true}}`)
			}
			if string(f) != "{}" {
				if lists[to] == nil {
					lists[to] = []byte{'['}
				}
				lists[to] = append(separated(lists[to], ""), f...)
			}
		}
	}
	if parts["must"] != nil || parts["filter"] != nil {
		delete(lists, "should")
	}
	if len(lists) == 0 {
		return []byte("{}"), nil
	}
	filter := []byte(`{"bool":{`)
	for i, name := range slices.Sorted(maps.Keys(lists)) {
		if i > 0 {
			filter = append(filter, ',')
		}
		filter = append(append(appendText(filter, name), ':'), append(lists[name], ']')...)
	}
	return append(filter, "}}"...), nil
}
