package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// F81: a byte order mark is no part of a key or a secret.
func TestF81_ByteOrderMarks(t *testing.T) {
	const bom, secret = "\xef\xbb\xbf", "0123456789abcdef0123456789abcdef"
	utf16 := "\xff\xfe0\x001\x002\x00"
	dir := t.TempDir()
	write := func(t *testing.T, name, text string) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for _, tt := range []struct {
		name, setting, text string
		got                 func(Settings) []string
		want                []string
		fault               string
	}{
		{"a key", "api_key_file", bom + secret + "\n", func(s Settings) []string { return s.APIKeys }, []string{secret}, ""},
		{"a key with a name", "api_key_file", bom + "shop " + secret + "\r\n", func(s Settings) []string { return s.APIKeys }, []string{"shop " + secret}, ""},
		{"a comment before the key", "api_key_file", bom + "# ours\n" + secret, func(s Settings) []string { return s.APIKeys }, []string{secret}, ""},
		{"the tokens' secret", "tokens.secret_file", bom + secret + "\n", func(s Settings) []string { return []string{s.TokenSecret} }, []string{secret}, ""},
		{"secrets of connection ids", "connection_ids.secret_file", bom + secret + "\n", func(s Settings) []string { return []string{s.ConnectionIDSecret} }, []string{secret}, ""},
		{"UTF-16", "api_key_file", utf16, nil, nil, "UTF-16"},
		{"UTF-16 without a mark", "tokens.secret_file", utf16[2:], nil, nil, "UTF-16"},
		{"a mark alone", "tokens.secret_file", bom, nil, nil, "is empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := write(t, "secret.txt", tt.text)
			settings := "dev: true\n" + strings.Replace(tt.setting, ".", ":\n  ", 1) + ": " + file + "\n"
			s, err := Load(Sources{File: write(t, "tidings.yaml", settings), Flags: pflag.NewFlagSet("", pflag.ContinueOnError)})
			switch {
			case tt.fault != "":
				if err == nil || !strings.Contains(err.Error(), tt.fault) || !strings.Contains(err.Error(), tt.setting) {
					t.Errorf("%q: got %v, want a fault of %s with %q", tt.text, err, tt.setting, tt.fault)
				}
			case err != nil:
				t.Errorf("%q: %v", tt.text, err)
			case !slices.Equal(tt.got(s), tt.want):
				t.Errorf("%q: got %q, want %q", tt.text, tt.got(s), tt.want)
			}
		})
	}
}
