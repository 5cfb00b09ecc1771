package ops_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"tidings/internal/config"
)

// read parses a file of YAML and returns the value at a path, in which numbers are places in lists.
func read(t *testing.T, name string, path ...any) any {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
		if err := d.Decode(&value); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	for _, step := range path {
		switch step := step.(type) {
		case string:
			value = value.(map[string]any)[step]
		case int:
			value = value.([]any)[step]
		}
	}
	return value
}

// The files for containers run the image as it is: not root, read-only, with the paths that the server has, and with
// time to send the clients away.
func TestContainers(t *testing.T) {
	container := []any{"spec", "template", "spec", "containers", 0}
	pod := []any{"spec", "template", "spec"}
	under := func(at []any, path ...any) []any { return append(append([]any{}, at...), path...) }
	service := []any{"services", "tidings"}
	const compose, deployment = "compose.yaml", "kubernetes/deployment.yaml"
	for _, c := range []struct {
		file string
		path []any
		want any
	}{
		{compose, under(service, "read_only"), true},
		{compose, under(service, "cap_drop", 0), "ALL"},
		{compose, under(service, "healthcheck", "test", 2), "health"},
		{compose, under(service, "stop_grace_period"), "45s"},
		{deployment, under(pod, "securityContext", "runAsUser"), 65532},
		{deployment, under(pod, "terminationGracePeriodSeconds"), 60},
		{deployment, under(container, "securityContext", "readOnlyRootFilesystem"), true},
		{deployment, under(container, "readinessProbe", "httpGet", "path"), "/readyz"},
		{deployment, under(container, "livenessProbe", "httpGet", "path"), "/healthz"},
		{deployment, under(container, "lifecycle", "preStop", "sleep", "seconds"), 5},
		{"kubernetes/service.yaml", []any{"spec", "ports", 0, "targetPort"}, read(t, deployment, under(container, "ports", 0, "name")...)},
		{"kubernetes/service.yaml", []any{"spec", "selector", "app"}, read(t, deployment, "spec", "template", "metadata", "labels", "app")},
		{"kubernetes/kustomization.yaml", []any{"images", 0, "name"}, read(t, deployment, under(container, "image")...)},
		{"kubernetes/kustomization.yaml", []any{"configMapGenerator", 0, "name"}, read(t, deployment, under(pod, "volumes", 0, "configMap", "name")...)},
	} {
		if got := read(t, c.file, c.path...); got != c.want {
			t.Errorf("%s: %v is %v, want %v", c.file, c.path, got, c.want)
		}
	}
	for _, name := range read(t, "kubernetes/kustomization.yaml", "resources").([]any) {
		if _, err := os.Stat(filepath.Join("kubernetes", name.(string))); err != nil {
			t.Error(err)
		}
	}
}

// The settings for Kubernetes, and those of the environment for compose, are complete.
func TestContainerSettings(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.txt")
	if err := os.WriteFile(keys, []byte("shop 0123456789abcdef0123\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("kubernetes/tidings.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "tidings.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "/run/tidings/keys.txt", keys, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(config.Sources{File: file}); err != nil {
		t.Error(err)
	}
	environ := []string{"TIDINGS_ADDR=:8080"} // of the image
	for name, value := range read(t, "compose.yaml", "services", "tidings", "environment").(map[string]any) {
		environ = append(environ, name+"="+strings.Replace(value.(string), "/run/secrets/api_key", keys, 1))
	}
	if _, err := config.Load(config.Sources{Environ: environ}); err != nil {
		t.Error(err)
	}
}
