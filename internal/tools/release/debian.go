package main

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"os"
	"strings"
)

// emptyConfig is what a fresh package has: serve says what must be decided.
const emptyConfig = `# Settings of Tidings; "tidings check-config --config /etc/tidings/tidings.yaml" says what is missing.
#
# api_key_file: /etc/tidings/keys.txt         # one "NAME KEY" per line; a key: openssl rand -hex 32
# origins: [https://app.example.com]          # the pages that may connect
# rules: {subscribe: anyone}                  # which clients may hear: anyone who may connect, or nobody
`

// postinst makes the user that the unit names. It starts nothing: there is nothing to serve before the settings are
// there. Below DPKG_ROOT there is no program to run.
const postinst = `#!/bin/sh
set -e
if [ "$1" = configure ] && [ -z "$DPKG_ROOT" ]; then
	if ! getent passwd tidings >/dev/null; then
		useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin tidings
	fi
	if [ -d /run/systemd/system ]; then
		systemctl daemon-reload
		systemctl try-restart tidings.service
	fi
fi
`

const prerm = `#!/bin/sh
set -e
if [ "$1" = remove ] && [ -z "$DPKG_ROOT" ] && [ -d /run/systemd/system ]; then
	systemctl disable --now tidings.service
fi
`

// debian writes the Debian package: the binary, the unit and an empty file of settings, which an upgrade leaves alone.
func (r *release) debian(t target, binary []byte) error {
	unit, err := os.ReadFile("docs/ops/tidings.service")
	if err != nil {
		return err
	}
	unit = []byte(strings.NewReplacer("/usr/local/bin/", "/usr/bin/", "# /etc/systemd/system/tidings.service\n", "").Replace(string(unit)))
	license, err := os.ReadFile("LICENSE")
	if err != nil {
		return err
	}
	files := []entry{
		{name: "./"}, {name: "./etc/"}, {name: "./etc/tidings/"},
		{name: "./etc/tidings/tidings.yaml", data: []byte(emptyConfig)},
		{name: "./usr/"}, {name: "./usr/bin/"},
		{name: "./usr/bin/tidings", mode: 0o755, data: binary},
		{name: "./usr/lib/"}, {name: "./usr/lib/systemd/"}, {name: "./usr/lib/systemd/system/"},
		{name: "./usr/lib/systemd/system/tidings.service", data: unit},
		{name: "./usr/share/"}, {name: "./usr/share/doc/"}, {name: "./usr/share/doc/tidings/"},
		{name: "./usr/share/doc/tidings/copyright", data: license},
	}
	data, err := r.tarball(files)
	if err != nil {
		return err
	}
	control, err := r.tarball([]entry{
		{name: "./"},
		{name: "./control", data: []byte(r.control(t, files))},
		{name: "./conffiles", data: []byte("/etc/tidings/tidings.yaml\n")},
		{name: "./md5sums", data: []byte(sums(files))},
		{name: "./postinst", mode: 0o755, data: []byte(postinst)},
		{name: "./prerm", mode: 0o755, data: []byte(prerm)},
	})
	if err != nil {
		return err
	}
	return r.write(fmt.Sprintf("tidings_%s_%s.deb", r.version, t.arch), r.ar([]entry{
		{name: "debian-binary", data: []byte("2.0\n")}, {name: "control.tar.gz", data: control}, {name: "data.tar.gz", data: data},
	}))
}

func (r *release) control(t target, files []entry) string {
	size := 0
	for _, f := range files {
		size += (len(f.data) + 1023) / 1024
	}
	// A tilde sorts before the end: 0.1.0~dev is older than 0.1.0.
	return fmt.Sprintf(`Package: tidings
Version: %s
Architecture: %s
Maintainer: The authors of Tidings <tidings@example.org>
Installed-Size: %d
Recommends: ca-certificates
Section: net
Priority: optional
Description: realtime message bus: WebSocket, SSE and long-poll from one binary
 Pushes small messages to browsers over whichever of WebSocket, SSE or
 long-polling the network lets through, in order, none twice, and none
 silently missing.
`, strings.Replace(r.version, "-", "~", 1), t.arch, size)
}

func sums(files []entry) string {
	var b strings.Builder
	for _, f := range files {
		if f.data != nil {
			fmt.Fprintf(&b, "%x  %s\n", md5.Sum(f.data), strings.TrimPrefix(f.name, "./"))
		}
	}
	return b.String()
}

// ar returns the archive that a Debian package is.
func (r *release) ar(entries []entry) []byte {
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	for _, e := range entries {
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", e.name, r.time.Unix(), 0, 0, "100644", len(e.data))
		b.Write(e.data)
		if len(e.data)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}
