package store

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"time"

	"tidings/filter"
	"tidings/protocol"
)

// Record is a document as a store keeps it: what everybody sees is composed of it.
type Record struct {
	ID               string
	Version          uint64
	Content          []byte // a compact JSON object
	Author, Updater  string // users; "": nobody
	Created, Updated int64  // Unix milliseconds; Updated is 0 as long as nothing was
}

// JSON returns the document as everybody sees it.
func (r *Record) JSON() []byte {
	dst := make([]byte, 0, len(r.Content)+len(r.ID)+256)
	dst = appendText(append(dst, `{"_id":`...), r.ID)
	dst = strconv.AppendUint(append(dst, `,"_version":`...), r.Version, 10)
	dst = appendUser(append(dst, `,"_info":{"author":`...), r.Author)
	dst = strconv.AppendInt(append(dst, `,"createdAt":`...), r.Created, 10)
	dst = append(dst, `,"updatedAt":`...)
	if r.Updated == 0 {
		dst = append(dst, "null"...)
	} else {
		dst = strconv.AppendInt(dst, r.Updated, 10)
	}
	dst = append(appendUser(append(dst, `,"updater":`...), r.Updater), '}')
	if len(r.Content) > 2 {
		dst = append(dst, ',')
	}
	return append(dst, r.Content[1:]...)
}

func appendUser(dst []byte, user string) []byte {
	if user == "" {
		return append(dst, "null"...)
	}
	return appendText(dst, user)
}

// Moment is when and by whom an operation is made.
type Moment struct {
	Number uint64 // of the change
	Now    time.Time
	By     string
	ID     string // for a creation that has none
}

// Applied is what an operation makes of a document.
type Applied struct {
	After  *Record // nil: it is removed
	Result Result
	Change Change // without the collection, meta and origin
}

// Apply returns what op makes of the document that is there now, nil for none. It changes nothing.
func Apply(op Op, before *Record, m Moment) Applied {
	a, fault := apply(op, before, m)
	if fault == nil {
		return a
	}
	r := Result{ID: op.ID, Fault: fault}
	if before != nil && fault.Code == protocol.CodeVersionConflict {
		r.Version = before.Version
	}
	return Applied{Result: r}
}

func apply(op Op, before *Record, m Moment) (Applied, *protocol.Error) {
	if op.ID == "" && op.Action == Create {
		op.ID = m.ID
	}
	if err := CheckID(op.ID); err != nil {
		return Applied{}, protocol.AsError(err)
	}
	var old []byte
	if before != nil {
		old = before.JSON()
		if op.Rows != nil && !matches(op.Rows, old) {
			if op.Action.makes() {
				return Applied{}, errOutside
			}
			return Applied{}, errMissing
		}
		if op.Only != nil && !matches(op.Only, old) {
			return Applied{}, errMissing
		}
	}
	if fault := precondition(&op, before); fault != nil {
		return Applied{}, fault
	}
	if op.Action == Remove {
		return Applied{
			Result: Result{ID: op.ID, Version: before.Version, Event: Removed, Document: old},
			Change: Change{Number: m.Number, ID: op.ID, Event: Removed, After: old},
		}, nil
	}
	content, was, err := contentOf(&op, before)
	if err != nil {
		return Applied{}, protocol.AsError(err)
	}
	after := record(&op, before, m)
	after.Content = content.json()
	shown, err := protocol.CompactJSON(after.JSON())
	if err != nil {
		return Applied{}, protocol.AsError(err)
	}
	if op.Rows != nil && !matches(op.Rows, shown) {
		return Applied{}, errOutside
	}
	event := eventOf(op.Action, before)
	a := Applied{After: after, Result: Result{ID: op.ID, Version: m.Number, Event: event, Document: shown}, Change: Change{Number: m.Number, ID: op.ID, Event: event, After: shown}}
	if before != nil {
		a.Change.Before, a.Change.Changed = old, changedPaths(was, content)
	}
	return a, nil
}

func matches(f *filter.Filter, document []byte) bool {
	d, err := filter.Read(document)
	return err == nil && f.Match(d)
}

// precondition refuses an operation for what is there, or is not.
func precondition(op *Op, before *Record) *protocol.Error {
	switch op.Action {
	case Create:
		if before != nil {
			return errTaken(before.Version)
		}
	case Replace, Patch, Remove, RemoveFields:
		if before == nil {
			return errMissing
		}
	case Put, Upsert:
	default:
		return bad("an operation has an action that does not exist", "The actions are create, put, replace, patch, upsert, remove and removeFields.")
	}
	switch {
	case op.Version == 0:
	case before == nil:
		return errMissing
	case before.Version != op.Version:
		return &protocol.Error{Code: protocol.CodeVersionConflict, Reason: fmt.Sprintf("the document has version %d, not %d", before.Version, op.Version), Hint: "Read it again, and repeat the change on what it is now."}
	}
	return nil
}

// makes reports whether the action makes a document that is not there.
func (a Action) makes() bool { return a == Create || a == Put || a == Upsert }

// errOutside does not say whether there is such a document.
var errOutside = &protocol.Error{Code: protocol.CodeForbidden, Reason: "the document is, or would be, none of those that may be written here", Hint: "The rule of the collection's channel has a filter: what is written must match it, and what is there as well."}

var errMissing = &protocol.Error{Code: protocol.CodeNotFound, Reason: "there is no such document", Hint: "It may have been removed meanwhile; put and upsert make it."}

func errTaken(version uint64) *protocol.Error {
	return &protocol.Error{Code: protocol.CodeVersionConflict, Reason: fmt.Sprintf("there is a document of this id, with version %d", version), Hint: "Use another id, or put to replace it."}
}

// contentOf returns the content after an operation, and the one before.
func contentOf(op *Op, before *Record) (content, was object, err error) {
	if before != nil {
		if was, err = readObject(before.Content); err != nil {
			return nil, nil, err
		}
	}
	if op.Action == RemoveFields {
		content, err = withoutFields(was, op.Fields)
		return content, was, err
	}
	given, err := readContent(op.Content)
	switch {
	case err != nil || op.Action != Patch && op.Action != Upsert:
		return given, was, err
	case before != nil:
		content, err = merge(was, given)
	case op.Default == nil:
		content = given
	default:
		if content, err = readContent(op.Default); err == nil {
			content, err = merge(content, given)
		}
	}
	return content, was, err
}

func withoutFields(o object, fields []string) (object, error) {
	if len(fields) == 0 || len(fields) > MaxFields || slices.Contains(fields, "") {
		return nil, bad(`"fields" does not name 1 to 100 fields`, `Name them as "driver.name".`)
	}
	for _, path := range fields {
		var err error
		if o, err = o.without(path); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// readContent reads what a caller gave as a document's content.
func readContent(raw []byte) (object, error) {
	if len(raw) == 0 {
		return nil, bad("the content is missing", "Send a JSON object.")
	}
	compact, err := protocol.CompactJSON(raw)
	if err != nil {
		return nil, err
	}
	o, err := readObject(bytes.Clone(compact))
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"_id", "_version", "_info"} {
		if o.find(name) >= 0 {
			return nil, bad(`the content has a member "`+name+`", which is the store's`, "Leave out _id, _version and _info.")
		}
	}
	return o, nil
}

// record returns the document after op, without its content.
func record(op *Op, before *Record, m Moment) *Record {
	now := m.Now.UnixMilli()
	after := &Record{ID: op.ID, Version: m.Number, Author: m.By, Created: now}
	if before != nil {
		after.Author, after.Created = before.Author, before.Created
		after.Updater, after.Updated = m.By, now
	}
	return after
}

func eventOf(do Action, before *Record) Event {
	switch {
	case before == nil:
		return Created
	case do == Patch || do == Upsert || do == RemoveFields:
		return Patched
	}
	return Updated
}
