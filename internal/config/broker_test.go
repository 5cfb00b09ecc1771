package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBrokerSettings(t *testing.T) {
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const redis = "broker: redis\nsigning_secret: 0123456789abcdef0123456789abcdef\n"
	for _, c := range []struct {
		name, yaml, fault string
	}{
		{"memory", "broker: memory", ""},
		{"Redis", redis + "redis: {url: ['redis://u:p@redis:6379']}", ""},
		{"a cluster", redis + "redis: {url: ['redis://one:6379', 'redis://two:6379'], partitions: 128}", ""},
		{"sentinels", redis + "redis: {url: ['redis://one:26379'], sentinel_master: bus}", ""},
		{"a file of the password", redis + "redis: {url: ['rediss://u@redis:6379'], password_file: " + password + "}", ""},
		{"two passwords", redis + "redis: {url: ['redis://u:p@redis:6379'], password_file: " + password + "}", "keep one"},
		{"a file that is not there", redis + "redis: {url: ['redis://redis:6379'], password_file: " + password + "x}", "redis.password_file"},
		{"Redis nowhere", redis, "redis.url is not set"},
		{"Redis for nothing", "redis: {url: ['redis://redis:6379']}", "redis.url is set, and broker is memory"},
		{"without a signing secret", "broker: redis\nredis: {url: ['redis://redis:6379']}", "signing_secret is not set"},
		{"documents in a file", redis + "redis: {url: ['redis://redis:6379']}\nstore: sqlite\nsqlite: {path: /tmp/d.db}", "store is sqlite, and broker is redis"},
		{"development has no documents", "dev: true\n" + redis + "redis: {url: ['redis://redis:6379']}", ""},
		{"no URL", redis + "redis: {url: ['u:hunter2@redis:6379']}", "must be URLs"},
		{"a prefix with a brace", redis + "redis: {url: ['redis://redis:6379'], prefix: 'a{b'}", "without braces"},
		{"no partitions", redis + "redis: {url: ['redis://redis:6379'], partitions: 0}", "from 1 to 1024"},
		{"where the node is", redis + "redis: {url: ['redis://redis:6379']}\ncluster: {url: 'http://10.0.3.7:8080', max_forwarded: 5}", ""},
		{"a node with a path", "cluster: {url: 'http://10.0.3.7:8080/bus'}", "without a path"},
		{"a node that is no URL", "cluster: {url: '10.0.3.7:8080'}", "without a path"},
		{"another", "broker: kafka", "memory or redis"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "tidings.yaml")
			if err := os.WriteFile(name, []byte("rules: {subscribe: anyone}\napi_keys: [one"+secret+"]\n"+c.yaml+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := Load(Sources{File: name})
			switch {
			case c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)):
				t.Errorf("%s: got %v, want %q", c.yaml, err, c.fault)
			case err != nil && strings.Contains(err.Error(), "hunter2"):
				t.Errorf("%s: the error shows the password: %v", c.yaml, err)
			case strings.Contains(c.yaml, "dev: true") && s.Store != StoreNone:
				t.Errorf("%s: store is %s, want none", c.yaml, s.Store)
			}
		})
	}
}

func TestRedisURLsAreMasked(t *testing.T) {
	rows, err := Show(Sources{Environ: []string{
		"TIDINGS_DEV=true", "TIDINGS_BROKER=redis", "TIDINGS_SIGNING_SECRET=0123456789abcdef0123456789abcdef",
		"TIDINGS_REDIS_URL=redis://ann:hunter2@one:6379,rediss://two:6379?password=hunter2",
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if strings.Contains(r.Value, "hunter2") || strings.Contains(r.Value, "ann") {
			t.Errorf("%s shows %q", r.Name, r.Value)
		}
		if want := "[redis://xxxxx@one:6379, rediss://two:6379?xxxxx]"; r.Name == "redis.url" && r.Value != want {
			t.Errorf("redis.url shows %q, want %q", r.Value, want)
		}
	}
}
