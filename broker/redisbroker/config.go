package redisbroker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"tidings/broker"
	"tidings/broker/redisbroker/redis"
	"tidings/core"
	"tidings/protocol"
)

// Config is where Redis is, and how it is used. Start from DefaultConfig.
type Config struct {
	// URLs are redis:// or rediss:// addresses with user name and password: of one server, of some nodes of a cluster,
	// or with SentinelMaster of the sentinels.
	URLs []string
	// Password returns the password, asked for each connection, so that it can be changed while the node runs. Nil is
	// the one in the URLs.
	Password func() (string, error)
	// SentinelMaster is the name under which the sentinels know the server; "" if there are none.
	SentinelMaster string
	// Prefix begins the names of all keys, "tidings" by default: several buses may share a server. It has no brace.
	Prefix string
	// Partitions is into how many parts channels are spread, 64 by default, at most 1,024. All nodes of a bus have the
	// same number, for good.
	Partitions int
	// TrustPersistence leaves the process of the server out of epochs: for a server that writes each change to its disk
	// before it answers, and has no replica that could be promoted without it.
	TrustPersistence bool
	// SubscribeConns is how many connections bring what is published, 1 by default, at most 64. A cluster has one for
	// each partition, whatever is set.
	SubscribeConns int
	// Stream returns the bounds of a channel. Nil means core.DefaultStreamConfig for all. MaxIdempotencyKeys is not
	// kept: how many keys Redis holds is bounded by its memory. It must be safe for concurrent use.
	Stream func(protocol.Channel) core.StreamConfig
	// Remember is how long a channel that nobody uses keeps its position, 30 days by default.
	Remember time.Duration
	// RememberBrief is the same for a channel that never had more than 8 messages, 6 hours by default.
	RememberBrief time.Duration
	// Node is the node's name among those that share the server, 8 characters; by default it is drawn.
	Node string
	// Timeout is how long Redis may take to answer, 2 s by default.
	Timeout time.Duration
	// Lease is after what time without a sign of life a node counts as gone, broker.Lease by default.
	Lease time.Duration
	// Linger is how long a channel that nobody hears any more is still brought, 10 s by default.
	Linger time.Duration
	// Log takes what an operator should know. Nil is slog.Default().
	Log *slog.Logger
}

// DefaultConfig returns the defaults, for the server at an address.
func DefaultConfig(urls ...string) Config {
	return Config{
		URLs: urls, Prefix: "tidings", Partitions: 64, SubscribeConns: 1,
		Stream:   func(ch protocol.Channel) core.StreamConfig { return core.DefaultStreamConfig().For(ch, time.Now()) },
		Remember: 30 * 24 * time.Hour, RememberBrief: 6 * time.Hour,
		Node: redis.Word(8), Timeout: 2 * time.Second, Lease: broker.Lease, Linger: 10 * time.Second, Log: slog.Default(),
	}
}

// rememberAsked is how long a channel that was only asked about keeps its epoch.
const rememberAsked = time.Hour

// bounds returns those of a channel.
func (c Config) bounds(ch protocol.Channel) core.StreamConfig {
	if c.Stream == nil {
		return core.DefaultStreamConfig().For(ch, time.Now())
	}
	return c.Stream(ch)
}

// Validate returns the first field that is out of its range.
func (c Config) Validate() error {
	switch {
	case len(c.URLs) == 0:
		return errors.New("redisbroker: URLs is empty: give the address of a server, such as redis://localhost:6379")
	case c.Prefix == "" || len(c.Prefix) > 64 || strings.ContainsAny(c.Prefix, "{} \t\r\n"):
		return fmt.Errorf("redisbroker: Prefix is %q: give 1 to 64 characters without braces and blanks", c.Prefix)
	case c.Partitions < 1 || c.Partitions > 1024:
		return fmt.Errorf("redisbroker: Partitions is %d: give 1 to 1024", c.Partitions)
	case c.SubscribeConns < 1 || c.SubscribeConns > 64:
		return fmt.Errorf("redisbroker: SubscribeConns is %d: give 1 to 64", c.SubscribeConns)
	case c.Remember < 0 || c.RememberBrief < 0:
		return fmt.Errorf("redisbroker: Remember is %s, and RememberBrief %s: give 0 or positive durations", c.Remember, c.RememberBrief)
	case c.Node == "" || strings.ContainsAny(c.Node, "#@\x00"):
		return fmt.Errorf("redisbroker: Node is %q: give a name without # and @", c.Node)
	case c.Timeout <= 0:
		return fmt.Errorf("redisbroker: Timeout is %s: give a positive duration", c.Timeout)
	case c.Lease < 30*time.Millisecond:
		return fmt.Errorf("redisbroker: Lease is %s: give at least 30ms", c.Lease)
	}
	_, err := c.option()
	return err
}

// option returns what rueidis is given. Its errors do not quote a URL, which has a password.
func (c Config) option() (rueidis.ClientOption, error) {
	var all rueidis.ClientOption
	for i, text := range c.URLs {
		o, err := rueidis.ParseURL(text)
		if err != nil || !strings.Contains(text, "://") {
			return all, fmt.Errorf("redisbroker: URLs: address %d is no URL like redis://user:password@host:6379", i+1)
		}
		if i == 0 {
			all = o
		} else {
			all.InitAddress = append(all.InitAddress, o.InitAddress...)
		}
	}
	if all.TLSConfig != nil && (len(all.InitAddress) > 1 || c.SentinelMaster != "") {
		all.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12} // each server's own name is checked
	}
	if c.SentinelMaster != "" {
		all.Sentinel = rueidis.SentinelOption{MasterSet: c.SentinelMaster, TLSConfig: all.TLSConfig, Username: all.Username, Password: all.Password}
	}
	if c.Password != nil {
		user := all.Username
		all.AuthCredentialsFn = func(rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) {
			password, err := c.Password()
			return rueidis.AuthCredentials{Username: user, Password: password}, err
		}
	}
	all.ClientName = "tidings-" + c.Node
	all.DisableRetry, all.DisableCache = true, true
	all.Dialer = net.Dialer{Timeout: c.Timeout, KeepAlive: time.Second}
	all.ConnWriteTimeout = c.Timeout
	return all, nil
}

// connect opens two clients: one that publishes and reads, and one that brings what is published. It tries until ctx
// is over.
func (c Config) connect(ctx context.Context) (client, live rueidis.Client, err error) {
	o, err := c.option()
	if err != nil {
		return nil, nil, err
	}
	small := o
	small.ReadBufferEachConn, small.WriteBufferEachConn, small.RingScaleEachConn = 32<<10, 32<<10, 8
	small.ConnWriteTimeout = max(5*time.Second, c.Timeout)
	for {
		if client, err = rueidis.NewClient(o); err == nil {
			if live, err = rueidis.NewClient(small); err == nil {
				return client, live, nil
			}
			client.Close()
		}
		select {
		case <-ctx.Done():
			fault := redis.Unavailable(err)
			if err != nil { // it is the operator who reads it; addresses are in it, and no secrets
				fault.Reason += ": " + err.Error()
			}
			fault.Hint = "Check redis.url, the password, and that the server runs and may be reached from here."
			return nil, nil, fault
		case <-time.After(250 * time.Millisecond):
		}
	}
}
