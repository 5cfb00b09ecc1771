package actors

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"tidings/access"
	"tidings/broker"
	"tidings/protocol"
)

// Config is how a Bus behaves. Zero numbers and durations mean the default, unless the field says otherwise.
type Config struct {
	// Broker numbers, keeps and carries the messages. Required. The bus does not close it.
	Broker broker.Broker
	// Node is what this node is called among several.
	Node NodeConfig
	// Rules say what clients may do. The zero Rules let anyone subscribe and nobody publish.
	Rules access.Rules
	// Routing is where messages go that are published without a channel. With the zero Routing they go to nobody.
	Routing access.Routing
	// Tokens verifies what clients sign in with. Nil takes every client for anonymous. The bus does not close it.
	Tokens *access.Tokens
	// Hooks are what the application decides, does and hears.
	Hooks Hooks
	// Documents carries out the document calls of clients. Nil refuses them.
	Documents DocumentsFunc
	// Logger takes failures of actors (Error) and what should not happen (Warn). Nil means slog.Default.
	Logger *slog.Logger

	// Heartbeat is announced to clients; the transports keep it. Zero means protocol.DefaultHeartbeat, 25 s.
	Heartbeat time.Duration
	// Park is how long a connection outlives its transport. Zero means protocol.DefaultPark, 30 s; at most 10 min.
	Park time.Duration
	// ParkedPerIdentity bounds the parked connections of one user; the oldest ends first. Zero means 10. Anonymous
	// clients are bounded by MaxParked alone.
	ParkedPerIdentity int
	// MaxParked bounds the parked connections of the node; the oldest ends first. Zero means 10,000. Each holds at most
	// protocol.MaxUnackedBytes. A connection with a transport is never ended by this.
	MaxParked int
	// MaxConnections bounds the connections of the node, parked ones included: further ones are refused with
	// CodeOverloaded. Zero means no bound.
	MaxConnections int

	// SigningSecret signs the names and publish URLs of reply channels, at least access.MinSecretBytes. Empty means one
	// that is drawn at the start: then they all end with the process. A broker.Cluster needs one, the same on all
	// nodes: to another node what they sign would be a forgery.
	SigningSecret []byte
	// MaxReplies bounds the reply channels that hold messages, each of at most protocol.MaxReplyBytes; publishes to
	// further ones are refused with CodeOverloaded. Zero means 10,000, a negative number that there are no reply
	// channels.
	MaxReplies int

	// ConnectionIDs knows the connection ids that the application signs into its pages. The zero value knows none.
	ConnectionIDs access.ConnectionIDs
	// MaxGrants bounds the channels that Bus.Subscribe has granted and the node remembers, of all users, sessions and
	// connections together; further ones are refused with CodeLimitExceeded once there is nobody left to forget who has
	// left. Zero means 200,000.
	MaxGrants int

	// ConnectionsPerUser bounds the connections of one user, parked ones included: further ones are refused with
	// CodeLimitReached. Zero means no bound. Anonymous clients are not told from each other.
	ConnectionsPerUser int
	// ConnectsPerSecond bounds how many connections the node makes a second, four seconds' worth at once; more are
	// refused with CodeOverloaded. Zero means no bound. A resume counts as none.
	ConnectsPerSecond float64
	// ConnectionsPerAddress and ConnectsPerAddress bound how many connections one address (of IPv6 one /64) has, and
	// makes a second, five seconds' worth at once; more are refused with CodeRateLimited. Zero means no bound: set them
	// only where Peer.Address says for sure whose address it is.
	ConnectionsPerAddress int
	ConnectsPerAddress    float64

	// ChannelIdle is how long a channel without members keeps its actor and its place at the broker. Zero means 60 s.
	ChannelIdle time.Duration
	// CheckInterval is how often a channel with members compares its position with the broker's, give or take a fifth:
	// what finds the loss of a last message. Zero means what the broker says (broker.Checked),
	// else 10 s.
	CheckInterval time.Duration
	// BrokerTimeout bounds each call of the broker. Zero means 5 s.
	BrokerTimeout time.Duration
	// MaxPendingPublishes bounds the publishes that the broker has not yet answered; more are refused with
	// CodeOverloaded. Zero means 4,096.
	MaxPendingPublishes int

	// MaxGroups bounds the different filters, with their scopes, of one channel on this node. A tenth of them may be
	// such as no index helps with: they are looked at for each message. Above it a subscribe is refused with
	// CodeOverloaded. Zero means 10,000.
	MaxGroups int
	// HistoryMessages is how many messages of a channel the broker keeps, unless its rule has another number. It
	// decides how often subscribers whose filters match nothing are told the position. Zero means that it is not known.
	HistoryMessages int

	// Shards is the number of goroutines that deliver. Zero means GOMAXPROCS.
	Shards int
	// CollectWindow is how long deliveries of a hot channel may wait for more, so that they are written together. A
	// channel is hot if the shard that delivers it would be busy for more than half of its time without waiting, until
	// it would be so for less than a third. The first message after a pause never waits. Zero means none; at most
	// 10 ms, which DefaultConfig returns.
	CollectWindow time.Duration
}

// Bounds of Config.
const (
	maxPark   = 10 * time.Minute
	maxShards = 256
)

// DefaultConfig returns the defaults in full, but for the broker and what follows from it.
func DefaultConfig() Config {
	c := Config{CollectWindow: access.MaxCollectWindow}.withDefaults()
	c.CheckInterval = 0
	return c
}

func (c Config) withDefaults() Config {
	if c.Rules.IsZero() {
		c.Rules = access.DefaultRules()
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	for _, f := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.Heartbeat, protocol.DefaultHeartbeat},
		{&c.Park, protocol.DefaultPark},
		{&c.ChannelIdle, time.Minute},
		{&c.CheckInterval, c.checkInterval()},
		{&c.BrokerTimeout, 5 * time.Second},
	} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	for _, f := range []struct{ field, value *int }{
		{&c.ParkedPerIdentity, new(10)},
		{&c.MaxParked, new(10_000)},
		{&c.MaxPendingPublishes, new(4096)},
		{&c.MaxReplies, new(10_000)},
		{&c.MaxGrants, new(200_000)},
		{&c.MaxGroups, new(10_000)},
		{&c.Shards, new(runtime.GOMAXPROCS(0))},
	} {
		if *f.field == 0 {
			*f.field = *f.value
		}
	}
	return c
}

func (c Config) checkInterval() time.Duration {
	if b, ok := c.Broker.(broker.Checked); ok {
		return b.CheckEvery()
	}
	return 10 * time.Second
}

// Validate refuses what cannot work, naming the field.
func (c Config) Validate() error {
	if c.Broker == nil {
		return errors.New("Broker: there is none")
	}
	if err := c.Node.validate(); err != nil {
		return err
	}
	if _, err := compileRules(c.Rules); err != nil {
		return fmt.Errorf("Rules.%w", err)
	}
	if _, err := c.Routing.Compile(); err != nil {
		return fmt.Errorf("Routing: %w", err)
	}
	for _, f := range []struct {
		name  string
		value time.Duration
	}{
		{"Heartbeat", c.Heartbeat}, {"Park", c.Park}, {"ChannelIdle", c.ChannelIdle}, {"CheckInterval", c.CheckInterval},
		{"BrokerTimeout", c.BrokerTimeout}, {"CollectWindow", c.CollectWindow},
	} {
		if f.value < 0 {
			return fmt.Errorf("%s: %v is negative", f.name, f.value)
		}
	}
	for _, f := range []struct {
		name  string
		value int
	}{
		{"ParkedPerIdentity", c.ParkedPerIdentity}, {"MaxParked", c.MaxParked}, {"MaxConnections", c.MaxConnections},
		{"ConnectionsPerUser", c.ConnectionsPerUser}, {"ConnectionsPerAddress", c.ConnectionsPerAddress},
		{"ConnectsPerSecond", int(c.ConnectsPerSecond)}, {"ConnectsPerAddress", int(c.ConnectsPerAddress)},
		{"MaxGrants", c.MaxGrants}, {"MaxPendingPublishes", c.MaxPendingPublishes}, {"Shards", c.Shards},
		{"MaxGroups", c.MaxGroups}, {"HistoryMessages", c.HistoryMessages},
	} {
		if f.value < 0 {
			return fmt.Errorf("%s: %d is negative", f.name, f.value)
		}
	}
	switch {
	case len(c.SigningSecret) == 0 && broker.IsShared(c.Broker):
		return errors.New("SigningSecret: several nodes share the broker, and need the same secret")
	case len(c.SigningSecret) > 0 && len(c.SigningSecret) < access.MinSecretBytes:
		return fmt.Errorf("SigningSecret: it is shorter than %d bytes", access.MinSecretBytes)
	case c.Park > maxPark:
		return fmt.Errorf("Park: %v is more than %v", c.Park, maxPark)
	case c.CollectWindow > access.MaxCollectWindow:
		return fmt.Errorf("CollectWindow: %v is more than %v", c.CollectWindow, access.MaxCollectWindow)
	case c.Shards > maxShards:
		return fmt.Errorf("Shards: %d is more than %d", c.Shards, maxShards)
	}
	return nil
}

// announce is what connected says of this node.
func (c *Config) announce() *protocol.Announce {
	a := protocol.DefaultAnnounce()
	a.Transports = nil
	a.HeartbeatMS, a.ParkMS = c.Heartbeat.Milliseconds(), c.Park.Milliseconds()
	return &a
}
