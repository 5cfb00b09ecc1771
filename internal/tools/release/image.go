package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// The types of media of an image, as the OCI's image specification names them.
const (
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
	typeIndex    = "application/vnd.oci.image.index.v1+json"
)

// imageUser is who the process is in a container: nobody that another image has, and not root.
const imageUser = "65532:65532"

// imageConfig is how a container of the image runs. docker takes the health check from it; others take theirs from the
// files of docs/ops.
type imageConfig struct {
	User         string
	ExposedPorts map[string]struct{}
	Env          []string
	Entrypoint   []string
	Cmd          []string
	WorkingDir   string
	StopSignal   string
	Labels       map[string]string
	Healthcheck  struct {
		Test                           []string
		Interval, Timeout, StartPeriod time.Duration // in ns, as docker has them
		Retries                        int
	}
}

// descriptor names a blob of an image.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Platform    map[string]string `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// image writes an image with nothing but the binary in it, as an archive in the OCI's layout that docker and podman
// load. Nothing is asked of a registry.
func (r *release) image(t target, binary []byte) error {
	layer, err := r.tar([]entry{
		{name: "etc/"}, {name: "etc/tidings/"},
		{name: "tidings", mode: 0o755, data: binary},
		{name: "tmp/", mode: 0o1777},
	})
	if err != nil {
		return err
	}
	blobs := []entry{{name: "blobs/"}, {name: "blobs/sha256/"}}
	add := func(media string, data []byte) descriptor {
		sum := fmt.Sprintf("%x", sha256.Sum256(data))
		blobs = append(blobs, entry{name: "blobs/sha256/" + sum, data: data})
		return descriptor{MediaType: media, Digest: "sha256:" + sum, Size: len(data)}
	}
	config := add(typeConfig, asJSON(map[string]any{
		"architecture": t.arch, "os": t.os, "created": r.time.Format(time.RFC3339), "config": r.imageConfig(),
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer))}},
		"history": []any{map[string]any{"created": r.time.Format(time.RFC3339), "created_by": "make release"}},
	}))
	packedLayer := add(typeLayer, packed(layer))
	manifest := add(typeManifest, asJSON(map[string]any{
		"schemaVersion": 2, "mediaType": typeManifest, "config": config, "layers": []descriptor{packedLayer},
	}))
	tag := "tidings:" + r.version
	manifest.Platform = map[string]string{"os": t.os, "architecture": t.arch}
	manifest.Annotations = map[string]string{"org.opencontainers.image.ref.name": r.version, "io.containerd.image.name": tag}
	path := func(d descriptor) string { return "blobs/sha256/" + d.Digest[len("sha256:"):] }
	whole, err := r.tar(append(blobs,
		entry{name: "index.json", data: asJSON(map[string]any{"schemaVersion": 2, "mediaType": typeIndex, "manifests": []descriptor{manifest}})},
		// For docker before version 25.
		entry{name: "manifest.json", data: asJSON([]any{map[string]any{"Config": path(config), "RepoTags": []string{tag}, "Layers": []string{path(packedLayer)}}})},
		entry{name: "oci-layout", data: asJSON(map[string]string{"imageLayoutVersion": "1.0.0"})},
	))
	if err != nil {
		return err
	}
	return r.write(r.name(t, ".image.tar"), whole)
}

func (r *release) imageConfig() imageConfig {
	c := imageConfig{
		User: imageUser, ExposedPorts: map[string]struct{}{"8080/tcp": {}}, Env: []string{"TIDINGS_ADDR=:8080"},
		Entrypoint: []string{"/tidings"}, Cmd: []string{"serve"}, WorkingDir: "/etc/tidings", StopSignal: "SIGTERM",
		Labels: map[string]string{"org.opencontainers.image.title": "Tidings", "org.opencontainers.image.version": r.version, "org.opencontainers.image.licenses": "Apache-2.0"},
	}
	h := &c.Healthcheck
	h.Test, h.Interval, h.Timeout, h.StartPeriod, h.Retries = []string{"CMD", "/tidings", "health"}, 10*time.Second, 5*time.Second, 5*time.Second, 3
	return c
}

func asJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // only for what JSON cannot hold
	}
	return data
}
