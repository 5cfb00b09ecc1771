package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"strconv"
	"strings"

	"tidings/access"
)

func between[T cmp.Ordered](low, high T) func(any) error {
	return func(v any) error {
		if n := v.(T); n < low || n > high {
			return fmt.Errorf("must be from %v to %v", low, high)
		}
		return nil
	}
}

func secretLength(v any) error {
	if n := len(v.(string)); n < 32 || n > 1024 {
		return fmt.Errorf("must be a text of 32 to 1024 characters (openssl rand -hex 32)")
	}
	return nil
}

// joins checks one list of them.
func joins(of func(*access.Joins) *[]string) func(any) error {
	return func(v any) error {
		r := access.Rules{Subscribe: access.Nobody}
		*of(&r.Joins) = v.([]string)
		return r.Validate()
	}
}

func address(v any) error {
	_, port, err := net.SplitHostPort(v.(string))
	if err != nil {
		return fmt.Errorf("must be host:port, or :port for all interfaces")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("the port must be from 1 to 65535")
	}
	return nil
}

// hostNames refuses names for which no authority issues a certificate.
func hostNames(v any) error {
	for _, name := range v.([]string) {
		switch {
		case net.ParseIP(strings.Trim(name, "[]")) != nil:
			return fmt.Errorf("%q is an address: give the name that clients use", name)
		case strings.Contains(name, "*"):
			return fmt.Errorf("%q: a wildcard cannot be proved by this server: name each host", name)
		case !goodHost(name):
			return fmt.Errorf("%q is no host such as bus.example.com: a name in small letters with a dot in it, without scheme, port or path", name)
		}
	}
	return nil
}

func goodHost(name string) bool {
	labels := strings.Split(name, ".")
	if len(labels) < 2 || len(name) > 253 {
		return false
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			if r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') {
				return false
			}
		}
	}
	return true
}

func mailAddress(v any) error {
	if a, err := mail.ParseAddress(v.(string)); err != nil || a.Name != "" {
		return fmt.Errorf("must be an address such as ops@example.com")
	}
	return nil
}

func secureURL(v any) error {
	if u, err := url.Parse(v.(string)); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return fmt.Errorf("must be a URL that starts with https://")
	}
	return nil
}

func basePath(v any) error {
	p := v.(string)
	if p != "" && (p[0] != '/' || p[len(p)-1] == '/') {
		return fmt.Errorf("must start with a slash and not end with one")
	}
	for _, r := range p {
		if r != '/' && r != '-' && r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return fmt.Errorf("may hold letters, digits and / - _ . only")
		}
	}
	return nil
}

func networks(v any) error {
	for _, s := range v.([]string) {
		if net.ParseIP(s) == nil {
			if _, _, err := net.ParseCIDR(s); err != nil {
				return fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", s)
			}
		}
	}
	return nil
}

// redisURLs refuses what is no address of Redis, without a word of what it is.
func redisURLs(v any) error {
	for _, text := range v.([]string) {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Hostname() == "" {
			return errors.New("must be URLs such as redis://USER:PASSWORD@redis.example.com:6379, or with rediss:// for TLS")
		}
	}
	return nil
}

func redisPrefix(v any) error {
	if s := v.(string); s == "" || len(s) > 64 || strings.ContainsAny(s, "{} \t\r\n") {
		return errors.New("must be 1 to 64 characters without braces and blanks")
	}
	return nil
}

// nodeURL refuses what is not scheme and host of a node.
func nodeURL(v any) error {
	text := v.(string)
	u, err := url.Parse(text)
	if text != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "") {
		return errors.New("must be a URL without a path, such as http://10.0.3.7:8080")
	}
	return nil
}
