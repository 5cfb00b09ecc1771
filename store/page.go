package store

import "tidings/filter"

// Filling makes the page of a search out of the rows that a store reads, in the order of the search's sort.
type Filling struct {
	collection Collection
	query      *Query
	page       Page
	bytes      int
	values     []any // of the sort's keys, of the row that was read last
	lastID     string
	stop       string // the cursor behind the page's last document, once the page is full
	more       bool   // there is a match that the page does not have
}

// NewFilling returns an empty page of what has seen these changes.
func NewFilling(c Collection, q *Query, seen Seen) *Filling {
	return &Filling{collection: c, query: q, page: Page{Documents: []Document{}, Seen: seen}}
}

// Take takes one row and its values of the sort's keys, and reports whether the page needs no more rows. The filter
// decides whether the document is part of the page.
func (f *Filling) Take(d Document, values []any) (done bool, err error) {
	f.values, f.lastID = values, d.ID
	content, err := filter.Read(d.JSON)
	if err != nil || !f.query.Filter.Match(content) {
		return false, err
	}
	f.page.Total++
	if f.full() {
		f.more = true
		return !f.query.Count, nil
	}
	f.page.Documents = append(f.page.Documents, d)
	f.bytes += len(d.JSON)
	if f.full() {
		f.stop, err = f.query.Encode(f.collection, values, d.ID)
	}
	return false, err
}

func (f *Filling) full() bool {
	return len(f.page.Documents) >= f.query.Limit || f.bytes >= f.query.MaxBytes
}

// Finish returns the page when all rows were read, or Take needs no more.
func (f *Filling) Finish() Page {
	f.page.Complete, f.page.Counted = true, f.query.Count
	if f.more {
		f.page.Next = f.stop
	}
	return f.page
}

// Exhausted returns the page when MaxRead rows were read and there are more.
func (f *Filling) Exhausted() (page Page, err error) {
	if f.page.Complete = f.full(); f.page.Complete {
		f.page.Next = f.stop
		return f.page, nil
	}
	f.page.Next, err = f.query.Encode(f.collection, f.values, f.lastID)
	return f.page, err
}
