package clientjs

import (
	"archive/tar"
	"compress/gzip"
	"io"
	"io/fs"
	"time"
)

// packed is the time of every file, the same in each archive; npm's own archives have it, too.
var packed = time.Date(1985, time.October, 26, 8, 15, 0, 0, time.UTC)

// Pack writes the npm package, as `npm pack` makes it: an archive that `npm install` takes.
func Pack(out io.Writer) error {
	zip := gzip.NewWriter(out)
	archive := tar.NewWriter(zip)
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		if err := archive.WriteHeader(&tar.Header{Name: "package/" + name, Mode: 0o644, Size: int64(len(data)), ModTime: packed, Format: tar.FormatUSTAR}); err != nil {
			return err
		}
		_, err = archive.Write(data)
		return err
	})
	if err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return zip.Close()
}
