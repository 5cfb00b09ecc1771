package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"os"
	"time"
)

// entry is a file or a folder of an archive.
type entry struct {
	name string // ends with a slash for a folder
	mode int64  // 0: 0644 for a file, 0755 for a folder
	data []byte
}

// archive writes what somebody downloads who installs by hand.
func (r *release) archive(t target, binary []byte) error {
	entries := []entry{{name: "tidings", mode: 0o755, data: binary}}
	if t.os == "windows" {
		entries[0].name = "tidings.exe"
	}
	for _, name := range []string{"README.md", "CHANGELOG.md", "LICENSE"} {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		entries = append(entries, entry{name: name, data: data})
	}
	if t.os == "windows" {
		data, err := r.zip(entries)
		if err != nil {
			return err
		}
		return r.write(r.name(t, ".zip"), data)
	}
	data, err := r.tarball(entries)
	if err != nil {
		return err
	}
	return r.write(r.name(t, ".tar.gz"), data)
}

// tarball returns the entries as .tar.gz.
func (r *release) tarball(entries []entry) ([]byte, error) {
	plain, err := r.tar(entries)
	if err != nil {
		return nil, err
	}
	return packed(plain), nil
}

// tar returns the entries as .tar, all of root and of the release's time.
func (r *release) tar(entries []entry) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: e.mode, Size: int64(len(e.data)), ModTime: r.time, Format: tar.FormatUSTAR, Uname: "root", Gname: "root"}
		if h.Typeflag = tar.TypeReg; e.name[len(e.name)-1] == '/' {
			h.Typeflag = tar.TypeDir
		}
		if h.Mode == 0 && h.Typeflag == tar.TypeDir {
			h.Mode = 0o755
		} else if h.Mode == 0 {
			h.Mode = 0o644
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

// packed returns data as gzip, without a name or a time in it.
func packed(data []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // fails only for a level that does not exist
	w.Write(data)
	w.Close()
	return b.Bytes()
}

func (r *release) zip(entries []entry) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		f, err := w.CreateHeader(&zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: r.time.Truncate(2 * time.Second)})
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(e.data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}
