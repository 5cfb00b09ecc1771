package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/url"

	"tidings/actors"
	"tidings/internal/forward"
)

// node returns what this node is called among several, and where the others reach it.
func (srv *server) node() actors.NodeConfig {
	s := srv.settings
	c := actors.NodeConfig{URL: s.ClusterURL, Version: version, Settings: srv.digests}
	if c.URL == "" && len(s.RedisURLs) > 0 {
		c.URL = nodeURL(s.Addr, s.RedisURLs[0], srv.tls() != nil)
	}
	return c
}

// nodeURL is where other nodes reach one that listens on addr: at the host of addr if it is one, else at the address
// from which the node reaches the broker. It is "" if neither is known.
func nodeURL(addr, broker string, secure bool) string {
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		if host = localAddress(broker); host == "" {
			return ""
		}
	}
	return scheme + net.JoinHostPort(host, port)
}

// localAddress is the address from which this machine would speak to the host of a URL. Nothing is sent.
func localAddress(to string) string {
	u, err := url.Parse(to)
	if err != nil {
		return ""
	}
	conn, err := net.Dial("udp", net.JoinHostPort(u.Hostname(), "9"))
	if err != nil {
		return ""
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).IP.String()
}

// digests are of the settings that must be the same on all nodes. They show that two differ, and nothing of a setting.
func (srv *server) digests() map[string]string {
	s := srv.settings
	return map[string]string{
		"rules":   digest(srv.admission.rules),
		"routing": digest(srv.admission.routing),
		"history": digest([]any{s.HistoryMessages, s.HistoryAge, s.HistoryBytes}),
		"store":   digest(s.Store),
	}
}

func digest(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		text = fmt.Append(nil, v)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:4])
}

// forwarder returns what hands requests to other nodes; nil for a node that has none.
func (srv *server) forwarder() *forward.Forwarder {
	if srv.bus.Self() == "" {
		return nil
	}
	f := forward.New(forward.Config{Max: srv.settings.MaxForwarded})
	srv.onStop(f.Close)
	return f
}
