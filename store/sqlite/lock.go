package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"os"
)

// lockName is the file beside a store's that belongs to the process that has the store open. It is a database of its
// own: SQLite's locks are the same on every system, and end with the process.
func lockName(path string) string { return path + "-lock" }

// lock takes the lock of a store, or fails at once.
func lock(path string) (*sql.DB, error) {
	db, err := open(lockName(path), "busy_timeout(0)")
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(context.Background(), "BEGIN EXCLUSIVE"); err != nil {
		db.Close()
		return nil, fmt.Errorf("another process has it open, and a file belongs to one: %w", err)
	}
	return db, nil
}

// InUse reports whether a process has the store of a path open, or may have: if it cannot be found out, it may. It
// makes no file.
func InUse(path string) bool {
	if _, err := os.Lstat(lockName(path)); err != nil {
		return !os.IsNotExist(err)
	}
	db, err := lock(path)
	if err != nil {
		return true
	}
	db.Close()
	return false
}
