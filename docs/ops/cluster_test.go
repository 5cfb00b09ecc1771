package ops_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tidings/internal/config"
)

// The files for several nodes: each node may be replaced without a client that notices, and none is sent more clients
// once it leaves.
func TestClusterFiles(t *testing.T) {
	pod := []any{"spec", "template", "spec"}
	under := func(at []any, path ...any) []any { return append(append([]any{}, at...), path...) }
	const nodes, compose = "kubernetes/cluster/nodes.yaml", "cluster/compose.yaml"
	for _, c := range []struct {
		file string
		path []any
		want any
	}{
		{nodes, []any{"metadata", "name"}, read(t, "kubernetes/deployment.yaml", "metadata", "name")},
		{nodes, []any{"spec", "replicas"}, 3},
		{nodes, []any{"spec", "strategy", "rollingUpdate", "maxUnavailable"}, 0},
		{nodes, under(pod, "containers", 0, "name"), read(t, "kubernetes/deployment.yaml", under(pod, "containers", 0, "name")...)},
		{nodes, under(pod, "containers", 0, "volumeMounts", 0, "name"), read(t, nodes, under(pod, "volumes", 0, "name")...)},
		{"kubernetes/cluster/disruption.yaml", []any{"spec", "selector", "matchLabels", "app"}, "tidings"},
		{"kubernetes/cluster/kustomization.yaml", []any{"patches", 0, "path"}, filepath.Base(nodes)},
		{"kubernetes/cluster/kustomization.yaml", []any{"configMapGenerator", 0, "name"}, "tidings"},
		{compose, []any{"services", "node3", "stop_grace_period"}, "45s"},
		{compose, []any{"services", "node3", "read_only"}, true},
		{compose, []any{"services", "node2", "healthcheck", "test", 2}, "health"},
		{compose, []any{"services", "redis", "command", 4}, "noeviction"},
	} {
		if got := read(t, c.file, c.path...); got != c.want {
			t.Errorf("%s: %v is %v, want %v", c.file, c.path, got, c.want)
		}
	}
}

func TestClusterSettings(t *testing.T) {
	dir := t.TempDir()
	keys, password := filepath.Join(dir, "keys.txt"), filepath.Join(dir, "password")
	secret := "TIDINGS_SIGNING_SECRET=" + strings.Repeat("s", 32)
	for name, text := range map[string]string{keys: "shop 0123456789abcdef0123\n", password: "hunter2\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("kubernetes/cluster/tidings.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "tidings.yaml")
	here := strings.NewReplacer("/run/tidings/keys.txt", keys, "/run/redis/password", password).Replace(string(text))
	if err := os.WriteFile(file, []byte(here), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(config.Sources{File: file, Environ: []string{secret}}); err != nil {
		t.Error(err)
	}
	environ := []string{"TIDINGS_ADDR=:8080"} // of the image
	for name, value := range read(t, "cluster/compose.yaml", "services", "node1", "environment").(map[string]any) {
		if name != "TIDINGS_SIGNING_SECRET" { // from the environment of docker compose
			environ = append(environ, name+"="+strings.Replace(value.(string), "/run/secrets/api_key", keys, 1))
		}
	}
	if _, err := config.Load(config.Sources{Environ: append(environ, secret)}); err != nil {
		t.Error(err)
	}
}

func TestClusterBalancer(t *testing.T) {
	if out, err := exec.Command("haproxy", "-c", "-f", "cluster/haproxy.cfg").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
