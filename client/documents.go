package client

import (
	"context"
	"encoding/json"
	"slices"
)

// Collection is a set of documents that the server keeps, as this client may read and write it. Its changes are the
// messages of Channel. It holds nothing, and needs no closing.
type Collection struct {
	c    *Client
	name string
}

// Collection returns the collection of a name such as "city/taxis". A name that is none is refused with the first
// request.
func (c *Client) Collection(name string) *Collection { return &Collection{c, name} }

// Channel returns the channel in which the collection's changes are published.
func (d *Collection) Channel() string { return "documents/" + d.name }

// Written is what a write did.
type Written struct {
	Event    string // "created", "updated", "patched" or "removed"
	ID       string
	Version  uint64          // of the document now; of a removal the last
	Document json.RawMessage // after it, of a removal the last content; nil if this client may not read it
}

// Query asks for documents.
type Query struct {
	Filter any      `json:"filter,omitempty"` // as encoding/json writes it; nil: all
	Sort   []string `json:"sort,omitempty"`   // at most 4 fields, "-" before one for descending
	Limit  int      `json:"limit,omitempty"`  // of the page, at most 256; 0: 100
	After  string   `json:"after,omitempty"`  // Found.Next of the page before
	Count  bool     `json:"count,omitempty"`  // count all matches
}

// Found is one page of a search.
type Found struct {
	Documents []json.RawMessage
	Next      string // of the page after it; "" at the end
	Complete  bool   // false: 10,000 documents were read, so that the page may have fewer than its limit; go on with Next
	Total     *int   // of all matches, if the query counts and it could
	Seen      Seen
}

// Seen is which changes a page has in it.
type Seen struct {
	Before, Next uint64
	Open         []uint64
}

// Has reports whether a change is in the page. To keep a list true subscribe first, then search, then apply the changes
// that the page has not seen.
func (s Seen) Has(c *Change) bool {
	return c.Txn < s.Before || c.Txn < s.Next && !slices.Contains(s.Open, c.Txn)
}

// ask makes one request and reads the answer into to.
func (d *Collection) ask(ctx context.Context, action string, fields map[string]any, to any, opts []PublishOption) error {
	fields["action"], fields["collection"] = action, d.name
	raw, err := d.c.Call(ctx, "document", fields, opts...)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, to)
}

// Get returns a document: its content with _id, _version and _info in it. It fails with CodeNotFound if there is none,
// and otherwise as Call does.
func (d *Collection) Get(ctx context.Context, id string) (document json.RawMessage, err error) {
	err = d.ask(ctx, "get", map[string]any{"id": id}, &document, nil)
	return document, err
}

// Search returns one page of the documents that q asks for. It may have fewer than its limit and a Next, since an
// answer has at most 256 KiB.
func (d *Collection) Search(ctx context.Context, q Query) (found Found, err error) {
	raw, err := d.c.Call(ctx, "document", struct {
		Action     string `json:"action"`
		Collection string `json:"collection"`
		Query
	}{"search", d.name, q})
	if err != nil {
		return found, err
	}
	err = json.Unmarshal(raw, &found)
	return found, err
}

// Version makes a Put, Patch or Remove only if the document has that version. Else it fails with CodeVersionConflict,
// and with CodeNotFound if there is none.
func Version(version uint64) WriteOption {
	return func(w *writing) { w.fields["version"] = version }
}

// Once makes the write with an idempotency key, so that a repetition within 10 minutes is made once, also by another
// client of the same user and after a restart of the server. Without it a write draws a key, which covers its own
// retries.
func Once(key string) WriteOption {
	return func(w *writing) { w.opts = append(w.opts, Key(key)) }
}

// Note sets something beside the change's message, which each receiver finds in Message.Meta: see Meta.
func Note(v any) WriteOption {
	return func(w *writing) { w.fields["meta"] = v }
}

// WriteOption changes what a write does.
type WriteOption func(*writing)

type writing struct {
	fields map[string]any
	opts   []PublishOption
}

func (d *Collection) write(ctx context.Context, action string, fields map[string]any, options []WriteOption) (done Written, err error) {
	w := writing{fields: fields}
	for _, option := range options {
		option(&w)
	}
	err = d.ask(ctx, action, w.fields, &done, w.opts)
	return done, err
}

// Make makes a collection without documents. One that is there stays as it is.
func (d *Collection) Make(ctx context.Context) error { return d.manage(ctx, "createCollection", nil) }

// Truncate removes all documents at once. Whoever hears the collection gets one message for it, whose event is "reset",
// whatever the filter. It fails with CodeNotFound if there is no such collection, with CodeForbidden if this client may
// write only some of the documents, with CodeUnsupported if the collection is a table that the server watches, and
// otherwise as Call does.
func (d *Collection) Truncate(ctx context.Context, options ...WriteOption) error {
	return d.manage(ctx, "truncate", options)
}

// Drop is Truncate, and the collection is not listed any more. It comes to be again with its next document.
func (d *Collection) Drop(ctx context.Context, options ...WriteOption) error {
	return d.manage(ctx, "dropCollection", options)
}

func (d *Collection) manage(ctx context.Context, action string, options []WriteOption) error {
	_, err := d.write(ctx, action, map[string]any{}, options)
	return err
}

// Create makes a document; id "" lets the server draw one. It fails with CodeVersionConflict if there is one of that
// id, and otherwise as Call does. content is written as encoding/json writes it, and must be an object.
func (d *Collection) Create(ctx context.Context, id string, content any, options ...WriteOption) (Written, error) {
	fields := map[string]any{"content": content}
	if id != "" {
		fields["id"] = id
	}
	return d.write(ctx, "create", fields, options)
}

// Put makes a document, or replaces the content of the one that is there.
func (d *Collection) Put(ctx context.Context, id string, content any, options ...WriteOption) (Written, error) {
	return d.write(ctx, "put", map[string]any{"id": id, "content": content}, options)
}

// Patch merges content into a document: objects are merged, all else is replaced. It fails with CodeNotFound if there
// is none.
func (d *Collection) Patch(ctx context.Context, id string, content any, options ...WriteOption) (Written, error) {
	return d.write(ctx, "patch", map[string]any{"id": id, "content": content}, options)
}

// Remove removes a document. It fails with CodeNotFound if there is none.
func (d *Collection) Remove(ctx context.Context, id string, options ...WriteOption) (Written, error) {
	return d.write(ctx, "remove", map[string]any{"id": id}, options)
}
