package backends_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tidings/access"
	"tidings/internal/config"
)

// The snippets of docs/backends.md sign tokens that the server takes, for the user and the roles that they name.
func TestTokens(t *testing.T) {
	const secret = "the secret of the tokens of these tests"
	tokens, err := access.NewTokens(access.TokenConfig{Issuer: "https://app.example.com", Audience: "tidings", Secret: []byte(secret)})
	if err != nil {
		t.Fatal(err)
	}
	defer tokens.Close()
	goProgram := filepath.Join(t.TempDir(), "token-go")
	if out, err := exec.Command("go", "build", "-o", goProgram, "./token-go").CombinedOutput(); err != nil {
		t.Fatalf("go build ./token-go: %v\n%s", err, out)
	}
	programs := map[string][]string{"go": {goProgram}, "python": {"python3", "token.py"}, "php": {"php", "token.php"}, "node": {"node", "token.mjs"}}
	for name, program := range programs {
		for _, tt := range []struct {
			user  string
			roles []string
		}{
			{user: "u42"},
			{user: "Ünal/7 \"x\"", roles: []string{"desk", "night shift"}},
		} {
			t.Run(fmt.Sprintf("%s signs for %s", name, tt.user), func(t *testing.T) {
				cmd := exec.Command(program[0], slices.Concat(program[1:], []string{tt.user}, tt.roles)...)
				cmd.Env = append(os.Environ(), "TOKEN_SECRET="+secret)
				out, err := cmd.Output()
				if err != nil {
					t.Fatal(err)
				}
				who, fault := tokens.Verify(t.Context(), strings.TrimSpace(string(out)))
				if fault != nil || who.User != tt.user || !slices.Equal(who.Roles(), tt.roles) {
					t.Errorf("%s: got %+v, %v, want the user %s with the roles %q", out, who, fault, tt.user, tt.roles)
				}
				cmd = exec.Command(program[0], append(slices.Clone(program[1:]), tt.user)...)
				cmd.Env = append(os.Environ(), "TOKEN_SECRET=another secret")
				out, err = cmd.Output()
				if _, fault := tokens.Verify(t.Context(), strings.TrimSpace(string(out))); err != nil || fault == nil {
					t.Errorf("%s, signed with another secret, is taken (%v)", out, err)
				}
			})
		}
	}
}

// The settings of docs/backends.md take such a token, and their rules decide by user and role.
func TestTokenSettings(t *testing.T) {
	text, err := os.ReadFile("token.yaml")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	const secret = "0123456789abcdef0123456789abcdef"
	for name, content := range map[string]string{"token.yaml": string(text), "keys.txt": "a-key-of-a-backend-0123456789abcdef\n", "token-secret.txt": secret + "\n"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := config.Load(config.Sources{File: "token.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	if s.TokenIssuer != "https://app.example.com" || s.TokenAudience != "tidings" || s.TokenSecret != secret {
		t.Errorf("the tokens are those of %q for %q, signed with %q", s.TokenIssuer, s.TokenAudience, s.TokenSecret)
	}
	if len(s.Channels) != 3 {
		t.Errorf("there are %d rules, want 3: %v", len(s.Channels), s.Channels)
	}
}
