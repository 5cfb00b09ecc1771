package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

//go:embed install.sh
var installer string

// seal writes the script that installs, which has the checksums of the archives in it, and the checksums of all.
func (r *release) seal() error {
	var archives strings.Builder
	for _, name := range r.made {
		if strings.HasSuffix(name, ".tar.gz") {
			sum, err := r.sum(name)
			if err != nil {
				return err
			}
			fmt.Fprintf(&archives, "%s  %s\n", sum, name)
		}
	}
	script := strings.NewReplacer("@VERSION@", r.version, "@SUMS@", strings.TrimSpace(archives.String())).Replace(installer)
	if err := r.write("install.sh", []byte(script)); err != nil {
		return err
	}
	var all strings.Builder
	for _, name := range r.made {
		sum, err := r.sum(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(&all, "%s  %s\n", sum, name)
	}
	return r.write("SHA256SUMS", []byte(all.String()))
}

func (r *release) sum(name string) (string, error) {
	data, err := os.ReadFile(filepath.Join(r.out, name))
	return fmt.Sprintf("%x", sha256.Sum256(data)), err
}

// bill writes what the binary is made of, as it says itself, in SPDX.
func (r *release) bill(t target, binary []byte) error {
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		return err
	}
	main := map[string]any{
		"SPDXID": "SPDXRef-tidings", "name": "tidings", "versionInfo": r.version, "licenseDeclared": "Apache-2.0", "downloadLocation": "NOASSERTION",
		"checksums": []any{map[string]string{"algorithm": "SHA256", "checksumValue": fmt.Sprintf("%x", sha256.Sum256(binary))}},
	}
	packages := []any{main, map[string]any{"SPDXID": "SPDXRef-go", "name": "std", "versionInfo": info.GoVersion, "downloadLocation": "NOASSERTION", "externalRefs": purl("golang/std", info.GoVersion)}}
	relations := []any{map[string]string{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-tidings"}, depends("SPDXRef-go")}
	for i, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		id := fmt.Sprintf("SPDXRef-module-%d", i+1)
		packages = append(packages, map[string]any{"SPDXID": id, "name": m.Path, "versionInfo": m.Version, "downloadLocation": "NOASSERTION", "externalRefs": purl("golang/"+m.Path, m.Version)})
		relations = append(relations, depends(id))
	}
	return r.write(r.name(t, ".spdx.json"), asJSON(map[string]any{
		"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": r.name(t, ""),
		"documentNamespace": fmt.Sprintf("https://example.org/tidings/spdx/%s/%x", r.name(t, ""), sha256.Sum256(binary)),
		"creationInfo":      map[string]any{"created": r.time.Format(time.RFC3339), "creators": []string{"Tool: make release"}},
		"packages":          packages, "relationships": relations,
	}))
}

func depends(id string) map[string]string {
	return map[string]string{"spdxElementId": "SPDXRef-tidings", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": id}
}

func purl(path, version string) []any {
	return []any{map[string]string{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:" + path + "@" + version}}
}
