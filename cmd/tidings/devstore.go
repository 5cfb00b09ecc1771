package main

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"tidings/store/sqlite"
)

// devStorePrefix begins the names of the folders whose documents end with their process.
const devStorePrefix = "tidings-documents-"

// youngFolder is the age below which such a folder is left alone: its process may be about to lock it.
const youngFolder = time.Minute

// newDevStore makes a folder below dir for documents that end with this process, and returns the file for them.
func newDevStore(dir string) (folder, path string, err error) {
	if folder, err = os.MkdirTemp(dir, devStorePrefix); err != nil {
		return "", "", err
	}
	return folder, devStoreFile(folder), nil
}

func devStoreFile(folder string) string { return filepath.Join(folder, "documents.db") }

// sweepDevStores removes what processes that were killed left below dir: folders of this user that nobody else can
// write in, and whose store no process has open.
func sweepDevStores(dir string, now time.Time, log *slog.Logger) {
	folders, _ := filepath.Glob(filepath.Join(dir, devStorePrefix+"*"))
	for _, folder := range folders {
		info, err := os.Lstat(folder)
		if err != nil || !info.IsDir() || info.Mode()&fs.ModePerm != 0o700 || !ownedByUs(info) ||
			now.Sub(info.ModTime()) < youngFolder || sqlite.InUse(devStoreFile(folder)) {
			continue
		}
		if err := os.RemoveAll(folder); err != nil {
			log.Warn("what a killed server left cannot be removed", "folder", folder, "error", err)
			continue
		}
		log.Info("what a killed server left was removed", "folder", folder)
	}
}
