package doctor_test

import (
	"encoding/json"
	"strings"
	"testing"

	"tidings/internal/doctor"
	"tidings/internal/teststack"
)

// The report can be pasted anywhere: it holds neither the token nor a session, and no part of the address that may be
// secret.
func TestReportHoldsNoSecrets(t *testing.T) {
	stack := teststack.Start(t)
	const token = "a-token-that-nobody-may-see"
	r, err := doctor.Run(t.Context(), doctor.Options{URL: strings.Replace(stack.URL, "://", "://ann:password@", 1) + "?key=hidden", Token: token, Idle: -1, By: "test"})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{token, "password", "hidden", "ession"} {
		if strings.Contains(string(raw), secret) || strings.Contains(r.Text(), secret) {
			t.Errorf("%q is in %s", secret, raw)
		}
	}
}
