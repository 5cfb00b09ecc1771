package sqlite

import (
	"database/sql"
	"net/url"

	_ "modernc.org/sqlite" // the driver
)

// open returns a database of one connection.
func open(path string, pragmas ...string) (*sql.DB, error) {
	q := url.Values{"_pragma": pragmas}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}
