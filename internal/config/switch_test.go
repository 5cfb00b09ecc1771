package config

import "testing"

func TestGatewaysAreOnInDevelopmentAndElseOff(t *testing.T) {
	for _, row := range []struct {
		name, file string
		want       Switch
	}{
		{"development", "dev: true", On},
		{"development, and off", "dev: true\ngateways: {primus: false}", Off},
		{"production", "rules: {subscribe: anyone}\napi_key: a-key-of-a-backend-0123456789abcdef", Off},
		{"production, and on", "rules: {subscribe: anyone}\napi_key: a-key-of-a-backend-0123456789abcdef\ngateways: {primus: true}", On},
	} {
		s, err := load(t, row.file, nil)
		if err != nil || s.GatewayPrimus != row.want {
			t.Errorf("%s: got %q, %v; want %q", row.name, s.GatewayPrimus, err, row.want)
		}
	}
	if _, err := load(t, "dev: true\ngateways: {primus: {}}", nil); err == nil {
		t.Error("an object is taken for a switch")
	}
}
