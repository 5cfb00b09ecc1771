package main

import (
	"net"
	"strings"
)

// withScheme returns a server's URL as it was meant: what is typed without a scheme is http on this machine, and https
// elsewhere.
func withScheme(url string) string {
	if url == "" || strings.Contains(url, "://") {
		return url
	}
	host, _, _ := strings.Cut(url, "/")
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if ip := net.ParseIP(strings.Trim(host, "[]")); host == "localhost" || host == "" || ip != nil && ip.IsLoopback() {
		return "http://" + url
	}
	return "https://" + url
}
