// Package config reads tidings.yaml, the environment and the flags of `tidings serve` into Settings. It knows names,
// units, ranges and what production must say; what the values do is the packages' business.
package config

import (
	"slices"
	"time"

	"tidings/access"
)

// Settings is everything that can be configured. The table keys has the name of each.
type Settings struct {
	Dev      bool
	Addr     string
	BasePath string

	APIKeys    []string // secrets
	APIKey     string   // a secret; Load moves it, and what APIKeyFile holds, to APIKeys
	APIKeyFile string

	SigningSecret string // a secret; "": drawn at the start
	ReplyChannels int    // 0: none

	HooksURL, HooksRoutesURL string
	HooksSecret              string // a secret
	HooksAsk, HooksRoutes    []string
	HooksCookies             bool
	HooksTimeout             time.Duration

	TLSCert, TLSKey string // files

	ACMEHosts                                     []string // certificates for these from an ACME authority
	ACMECache, ACMEEmail, ACMEHTTP, ACMEDirectory string

	Origins        []string
	AllowedHosts   []string
	TrustedProxies []string

	Subscribe access.Allowance // in channels that no pattern matches
	Publish   access.Allowance // by clients
	Presence  access.Allowance // who may see the members of a channel
	Write     access.Allowance // which clients may write documents
	Channels  []access.Rule
	Joins     access.Joins
	Routing   access.Routing
	Metrics   string // who may read /metrics without a key: "loopback", "anyone" or "nobody"

	TokenIssuer, TokenAudience                        string
	TokenSecret                                       string // a secret; Load moves what TokenSecretFile holds here
	TokenSecretFile, TokenPublicKeyFile, TokenKeyFile string
	TokenKeyURL                                       string
	TokenKeyRefresh, TokenMaxLifetime                 time.Duration
	TokenPrivateNetwork                               bool
	TokenRoles, TokenPermissions                      string // claims

	ConnectionIDSecret     string // secrets, one per line; Load moves what ConnectionIDSecretFile holds here
	ConnectionIDSecretFile string
	UsersFile              string
	MaxGrants              int
	MaxRooms               int

	MaxConnections, ConnectsPerSecond         int // 0: derived from the process's limit, none
	ConnectionsPerUser                        int
	ConnectionsPerAddress, ConnectsPerAddress int

	HistoryMessages int
	HistoryAge      time.Duration
	HistoryBytes    Size

	HistoryRemember, HistoryRememberBrief time.Duration
	MaxChannels, ChannelsPerUser          int

	Store           string // of documents: "none", "sqlite" or "postgres"
	SQLitePath      string // "": with Dev, a file that ends with the process
	SQLiteIndexes   []string
	PostgresURL     string // a secret; Load moves what PostgresURLFile holds here
	PostgresURLFile string

	GatewayPrimus, GatewayKuzzle, GatewayPakyow, GatewaySocketIO Switch
	PrimusPingInterval                                           time.Duration
	PrimusLibrary                                                string   // a file; "": the client of the server
	FeathersServices                                             []string // each a path and index/collection

	Broker                string   // who numbers and keeps messages: "memory" or "redis"
	RedisURLs             []string // secrets
	RedisPasswordFile     string
	RedisSentinelMaster   string
	RedisPrefix           string
	RedisPartitions       int
	RedisSubscribeConns   int
	RedisTrustPersistence bool
	ClusterURL            string // "": found out
	MaxForwarded          int

	Park, Heartbeat, PollHold, IdleTimeout, CollectWindow, Drain, DrainDelay time.Duration

	LogLevel, LogFormat string
}

// The values of Settings.Store.
const (
	StoreNone     = "none"
	StoreSQLite   = "sqlite"
	StorePostgres = "postgres"
)

// The values of Settings.Broker.
const (
	BrokerMemory = "memory"
	BrokerRedis  = "redis"
)

const (
	anyone   = "anyone"
	nobody   = "nobody"
	loopback = "loopback"
)

// key is one row of the table: a name in tidings.yaml, from which those of the environment and of the flag follow.
type key struct {
	name    string // with dots: history.age
	to      func(*Settings) any
	def     string
	flag    bool // has a flag, too
	secret  bool // its value is never shown
	file    bool // its value names a file
	choices []string
	check   func(any) error
	help    string
}

// allowances are what a shell may complete; role:NAME and permission:NAME are others.
var allowances = []string{anyone, nobody, string(access.User)}

// keys is every setting, in the order of docs/CONFIG.md.
var keys = []key{
	{name: "dev", to: func(s *Settings) any { return &s.Dev }, def: "false", flag: true,
		help: "development: no API key needed from loopback, pages of localhost may connect, rules default to anyone"},
	{name: "addr", to: func(s *Settings) any { return &s.Addr }, flag: true, check: address,
		help: "host:port to listen on; 127.0.0.1:8080 with dev, else :8080"},
	{name: "base_path", to: func(s *Settings) any { return &s.BasePath }, flag: true, check: basePath,
		help: "prefix of every URL, such as /tidings"},
	{name: "api_key", to: func(s *Settings) any { return &s.APIKey }, secret: true,
		help: "a key that backends publish with, at least 16 characters; never a flag, which every user of the machine can read"},
	{name: "api_keys", to: func(s *Settings) any { return &s.APIKeys }, secret: true,
		help: "keys that backends publish with, each as KEY, \"NAME KEY\" or \"NAME KEY SCOPE…\"; keys of one name are one sender, for rotation"},
	{name: "api_key_file", to: func(s *Settings) any { return &s.APIKeyFile }, flag: true, file: true,
		help: "a file with API keys, one per line, written as in api_keys"},
	{name: "signing_secret", to: func(s *Settings) any { return &s.SigningSecret }, secret: true, check: secretLength,
		help: "the secret that signs reply channels and their publish URLs, at least 32 characters, the same on all nodes; without it one is drawn at the start, and a restart ends all reply channels"},
	{name: "reply_channels", to: func(s *Settings) any { return &s.ReplyChannels }, def: "10000", flag: true, check: between(0, 10_000_000),
		help: "reply channels that may hold messages at once, of at most 128 KiB each; 0 turns reply channels off"},
	{name: "hooks.url", to: func(s *Settings) any { return &s.HooksURL }, flag: true,
		help: "the application's URL that takes hooks, by POST"},
	{name: "hooks.ask", to: func(s *Settings) any { return &s.HooksAsk }, flag: true,
		help: "what the application's hooks are asked: connect, subscribe, publish, call, sign_in; and events, to be told what happens"},
	{name: "hooks.secret", to: func(s *Settings) any { return &s.HooksSecret }, secret: true,
		help: "the secret that signs hooks (Standard Webhooks): \"whsec_\" and the base64 of 24 to 64 random bytes; must be set with hooks"},
	{name: "hooks.cookies", to: func(s *Settings) any { return &s.HooksCookies }, def: "false", flag: true,
		help: "send the client's Cookie header with the hook connect, for sessions of the application's own; pages of listed origins may then send cookies over every transport"},
	{name: "hooks.timeout", to: func(s *Settings) any { return &s.HooksTimeout }, def: "3s", flag: true, check: between(100*time.Millisecond, 9*time.Second),
		help: "how long the answer to a hook may take, one retry included; what is not allowed in time is not allowed"},
	{name: "hooks.routes_url", to: func(s *Settings) any { return &s.HooksRoutesURL }, flag: true,
		help: "the application's URL that the paths of hooks.routes are put behind"},
	{name: "hooks.routes", to: func(s *Settings) any { return &s.HooksRoutes }, flag: true,
		help: "routes of the application that clients may call over their connection, each as \"METHOD /path\", with * for a segment and ** for the rest"},
	{name: "tls.cert", to: func(s *Settings) any { return &s.TLSCert }, flag: true, file: true,
		help: "a file with the certificate chain, PEM: the server then speaks TLS only"},
	{name: "tls.key", to: func(s *Settings) any { return &s.TLSKey }, flag: true, file: true,
		help: "a file with the private key of tls.cert, PEM"},
	{name: "tls.acme.hosts", to: func(s *Settings) any { return &s.ACMEHosts }, flag: true, check: hostNames,
		help: "names for which the server gets certificates by itself, from Let's Encrypt; naming them accepts its terms of service"},
	{name: "tls.acme.cache", to: func(s *Settings) any { return &s.ACMECache }, flag: true, file: true,
		help: "the directory that keeps the authority's certificates and their private keys, readable by the server alone (mode 0700); must be set with tls.acme.hosts"},
	{name: "tls.acme.email", to: func(s *Settings) any { return &s.ACMEEmail }, flag: true, check: mailAddress,
		help: "the mail address that the certificate authority writes to when something is wrong"},
	{name: "tls.acme.http", to: func(s *Settings) any { return &s.ACMEHTTP }, flag: true, check: address,
		help: "host:port for plain HTTP, :80, which proves the names of tls.acme.hosts (http-01) and redirects pages; without it the names are proved on the port for TLS, which must be reached as 443"},
	{name: "tls.acme.directory", to: func(s *Settings) any { return &s.ACMEDirectory }, def: "https://acme-v02.api.letsencrypt.org/directory", flag: true, check: secureURL,
		help: "the URL of another ACME authority's directory"},
	{name: "origins", to: func(s *Settings) any { return &s.Origins }, flag: true,
		help: "origins whose pages may connect, as https://app.example.com; the server's own is always allowed"},
	{name: "allowed_hosts", to: func(s *Settings) any { return &s.AllowedHosts }, flag: true,
		help: "names by which the server may be addressed, against DNS rebinding; empty means all"},
	{name: "trusted_proxies", to: func(s *Settings) any { return &s.TrustedProxies }, flag: true, check: networks,
		help: "addresses or networks whose X-Forwarded-For and -Proto, or Forwarded, are believed; limits per address need it"},
	{name: "rules.subscribe", to: func(s *Settings) any { return &s.Subscribe }, flag: true, choices: allowances,
		help: "which clients may subscribe to channels that no rule of rules.channels matches; without dev, this or rules.channels must be set"},
	{name: "rules.publish", to: func(s *Settings) any { return &s.Publish }, flag: true, choices: allowances,
		help: "which clients may publish, without an API key, to channels that no rule of rules.channels matches; nobody without dev"},
	{name: "rules.presence", to: func(s *Settings) any { return &s.Presence }, flag: true, choices: allowances,
		help: "which clients may see the members of channels that no rule of rules.channels matches; nobody without dev, and then presence is not kept"},
	{name: "rules.write", to: func(s *Settings) any { return &s.Write }, flag: true, choices: allowances,
		help: "which clients may write the documents of collections whose channel no rule of rules.channels matches; nobody without dev"},
	{name: "rules.channels", to: func(s *Settings) any { return &s.Channels },
		help: "the rules of patterns of channels, in the file of settings alone; docs/CONFIG.md shows how"},
	{name: "joins.anonymous", to: func(s *Settings) any { return &s.Joins.Anonymous }, flag: true, check: joins(func(j *access.Joins) *[]string { return &j.Anonymous }),
		help: "channels that clients without a token are put in when they connect"},
	{name: "joins.authenticated", to: func(s *Settings) any { return &s.Joins.Authenticated }, flag: true, check: joins(func(j *access.Joins) *[]string { return &j.Authenticated }),
		help: "channels that clients with a token are put in; {user}, {role}, {permission} and {claim} stand for what the token says, as docs/CONFIG.md shows"},
	{name: "connection_ids.secret", to: func(s *Settings) any { return &s.ConnectionIDSecret }, secret: true, check: secretLength,
		help: "the secret that the application signs the connection ids of its pages with, at least 32 characters"},
	{name: "connection_ids.secret_file", to: func(s *Settings) any { return &s.ConnectionIDSecretFile }, flag: true, file: true,
		help: "a file with the secret of connection_ids, or with several, one per line, for rotation: all count"},
	{name: "routing", to: func(s *Settings) any { return &s.Routing },
		help: "where messages go that backends publish without a channel, in the file of settings alone; docs/CONFIG.md shows how"},
	{name: "tokens.issuer", to: func(s *Settings) any { return &s.TokenIssuer }, flag: true,
		help: "the iss of the tokens that clients sign in with; without tokens everybody is anonymous"},
	{name: "tokens.audience", to: func(s *Settings) any { return &s.TokenAudience }, flag: true,
		help: "what must be among the aud of the tokens that clients sign in with"},
	{name: "tokens.secret", to: func(s *Settings) any { return &s.TokenSecret }, secret: true,
		help: "the secret that tokens are signed with by HS256, at least 32 characters"},
	{name: "tokens.secret_file", to: func(s *Settings) any { return &s.TokenSecretFile }, flag: true, file: true,
		help: "a file with tokens.secret"},
	{name: "tokens.public_key_file", to: func(s *Settings) any { return &s.TokenPublicKeyFile }, flag: true, file: true,
		help: "a file with public keys or certificates, PEM: RSA for RS256, P-256, P-384 and P-521 for ES256, ES384 and ES512, Ed25519 for EdDSA"},
	{name: "tokens.key_set_file", to: func(s *Settings) any { return &s.TokenKeyFile }, flag: true, file: true,
		help: "a file with a JWK set, for keys with ids and other algorithms"},
	{name: "tokens.key_set_url", to: func(s *Settings) any { return &s.TokenKeyURL }, flag: true,
		help: "where the issuer shows its public keys as a JWK set; https"},
	{name: "tokens.key_set_refresh", to: func(s *Settings) any { return &s.TokenKeyRefresh }, def: "5m", flag: true, check: between(time.Minute, time.Hour),
		help: "how often tokens.key_set_url is fetched: so long a key counts that the issuer has removed"},
	{name: "tokens.private_network", to: func(s *Settings) any { return &s.TokenPrivateNetwork }, def: "false", flag: true,
		help: "tokens.key_set_url may be http, and on a loopback or private address"},
	{name: "tokens.roles", to: func(s *Settings) any { return &s.TokenRoles }, def: "roles", flag: true,
		help: "the claim that names roles: a list, or one text of words; one within an object as realm_access.roles"},
	{name: "tokens.permissions", to: func(s *Settings) any { return &s.TokenPermissions }, def: "permissions", flag: true,
		help: "the claim that names permissions, such as scope"},
	{name: "tokens.max_lifetime", to: func(s *Settings) any { return &s.TokenMaxLifetime }, def: "24h", flag: true, check: between(time.Minute, 366*24*time.Hour),
		help: "how long a token may be valid, else it is refused: so long a revocation is remembered"},
	{name: "users_file", to: func(s *Settings) any { return &s.UsersFile }, flag: true, file: true,
		help: "a file with users and hashes of their passwords, made by tidings users add: clients sign in with name and password and get a token, signed with tokens.secret"},
	{name: "metrics", to: func(s *Settings) any { return &s.Metrics }, def: loopback, flag: true, choices: []string{anyone, loopback, nobody},
		help: "who may read /metrics without an API key"},
	{name: "history.messages", to: func(s *Settings) any { return &s.HistoryMessages }, def: "1000", flag: true, check: between(1, 1_000_000),
		help: "messages kept per channel"},
	{name: "history.age", to: func(s *Settings) any { return &s.HistoryAge }, def: "10m", flag: true, check: between(time.Second, 30*24*time.Hour),
		help: "how long messages are kept"},
	{name: "history.bytes", to: func(s *Settings) any { return &s.HistoryBytes }, def: "4MiB", flag: true, check: between[Size](1<<10, 1<<30),
		help: "bytes kept per channel"},
	{name: "history.remember", to: func(s *Settings) any { return &s.HistoryRemember }, def: "720h", flag: true, check: between(time.Minute, 366*24*time.Hour),
		help: "how long a channel that nobody uses keeps its position when its history is empty: a client that comes back later is told a gap"},
	{name: "history.remember_brief", to: func(s *Settings) any { return &s.HistoryRememberBrief }, def: "6h", flag: true, check: between(time.Minute, 366*24*time.Hour),
		help: "the same for reply channels, and for channels that never had more than 8 messages"},
	{name: "store", to: func(s *Settings) any { return &s.Store }, flag: true, choices: []string{"none", "sqlite", "postgres"},
		help: "where documents are kept: none, which is the default, sqlite or postgres; with dev sqlite, or postgres if postgres.url is set"},
	{name: "sqlite.path", to: func(s *Settings) any { return &s.SQLitePath }, flag: true, file: true,
		help: "the file that keeps the documents, in a folder that the server may write; must be set with store sqlite, but for dev, where without it a temporary file is used"},
	{name: "sqlite.indexes", to: func(s *Settings) any { return &s.SQLiteIndexes }, flag: true,
		help: "fields of documents, such as driver.name, at most 16, of which searches find equal values without reading the collection; each makes writes slower"},
	{name: "postgres.url", to: func(s *Settings) any { return &s.PostgresURL }, secret: true,
		help: "the database that keeps the documents with store postgres, as postgres://USER:PASSWORD@HOST/DATABASE; never a flag, which every user of the machine can read"},
	{name: "postgres.url_file", to: func(s *Settings) any { return &s.PostgresURLFile }, flag: true, file: true,
		help: "a file with that URL"},
	{name: "gateways.primus", to: func(s *Settings) any { return &s.GatewayPrimus }, flag: true,
		help: "clients of Primus, and of Feathers over it, at /primus; off, with dev on"},
	{name: "gateways.kuzzle", to: func(s *Settings) any { return &s.GatewayKuzzle }, flag: true,
		help: "clients of Kuzzle, at /; off, with dev on"},
	{name: "gateways.pakyow", to: func(s *Settings) any { return &s.GatewayPakyow }, flag: true,
		help: "pages of pakyow-realtime, at /?socket_connection_id=; off, with dev on"},
	{name: "gateways.socketio", to: func(s *Settings) any { return &s.GatewaySocketIO }, flag: true,
		help: "clients of Socket.IO 3 and 4, and of Feathers over it, at /socket.io/; off, with dev on"},
	{name: "gateways.primus_ping_interval", to: func(s *Settings) any { return &s.PrimusPingInterval }, def: "30s", flag: true, check: between(time.Second, 30*time.Second),
		help: "how often clients of Primus are pinged; they take a connection for lost that brought no ping for 1.5 times what they were built with, which is 30s unless you changed it"},
	{name: "gateways.primus_library", to: func(s *Settings) any { return &s.PrimusLibrary }, flag: true, file: true,
		help: "a file that your own build of Primus saved, for /primus/primus.js; without it that is a client of the server's own"},
	{name: "gateways.feathers.services", to: func(s *Settings) any { return &s.FeathersServices }, flag: true,
		help: "services of Feathers that are collections of documents, each as \"PATH INDEX/COLLECTION\""},
	{name: "broker", to: func(s *Settings) any { return &s.Broker }, def: "memory", flag: true, choices: []string{BrokerMemory, BrokerRedis},
		help: "who numbers and keeps messages: memory, of this node alone, or redis, which several nodes share; docs/CLUSTER.md"},
	{name: "redis.url", to: func(s *Settings) any { return &s.RedisURLs }, secret: true, check: redisURLs,
		help: "where Redis is with broker redis, as redis://USER:PASSWORD@HOST:6379, or rediss:// for TLS; some nodes of a cluster, or the sentinels, as a list; never a flag, which every user of the machine can read"},
	{name: "redis.password_file", to: func(s *Settings) any { return &s.RedisPasswordFile }, flag: true, file: true,
		help: "a file with Redis' password, read again for each new connection"},
	{name: "redis.sentinel_master", to: func(s *Settings) any { return &s.RedisSentinelMaster }, flag: true,
		help: "the name under which sentinels know the server; redis.url then names the sentinels"},
	{name: "redis.prefix", to: func(s *Settings) any { return &s.RedisPrefix }, def: "tidings", flag: true, check: redisPrefix,
		help: "what the names of all keys begin with: several buses may share a server"},
	{name: "redis.partitions", to: func(s *Settings) any { return &s.RedisPartitions }, def: "64", flag: true, check: between(1, 1024),
		help: "into how many parts channels are spread over a cluster; the same on all nodes, and for good"},
	{name: "redis.subscribe_conns", to: func(s *Settings) any { return &s.RedisSubscribeConns }, def: "1", flag: true, check: between(1, 64),
		help: "connections that bring what is published; with a cluster there is one for each partition"},
	{name: "redis.trust_persistence", to: func(s *Settings) any { return &s.RedisTrustPersistence }, def: "false", flag: true,
		help: "a restart of Redis is no gap: only with appendfsync always and no replica that is promoted without all messages"},
	{name: "cluster.url", to: func(s *Settings) any { return &s.ClusterURL }, flag: true, check: nodeURL,
		help: "where other nodes reach this one, as http://10.0.3.7:8080; without it the address from which it reaches Redis, with the port of addr"},
	{name: "cluster.max_forwarded", to: func(s *Settings) any { return &s.MaxForwarded }, def: "10000", flag: true, check: between(1, 1_000_000),
		help: "requests of sessions of other nodes that are handed to them at once"},
	{name: "limits.connections", to: func(s *Settings) any { return &s.MaxConnections }, flag: true, check: between(1, 10_000_000),
		help: "connections of the node; nine tenths of the files that the process may open, unless it is set"},
	{name: "limits.connects", to: func(s *Settings) any { return &s.ConnectsPerSecond }, flag: true, check: between(1, 1_000_000),
		help: "connections that the node makes a second, four seconds' worth at once, of which one address has half, and what others leave; 500 without dev"},
	{name: "limits.connections_per_user", to: func(s *Settings) any { return &s.ConnectionsPerUser }, def: "100", flag: true, check: between(1, 1_000_000),
		help: "connections of one user on the node, parked ones included"},
	{name: "limits.connections_per_address", to: func(s *Settings) any { return &s.ConnectionsPerAddress }, def: "100", flag: true, check: between(1, 1_000_000),
		help: "connections of one address, of IPv6 one /64; only with trusted_proxies, since else the address may be a proxy's"},
	{name: "limits.connects_per_address", to: func(s *Settings) any { return &s.ConnectsPerAddress }, def: "20", flag: true, check: between(1, 1_000_000),
		help: "connections that one address makes a second, five seconds' worth at once; only with trusted_proxies"},
	{name: "limits.channels", to: func(s *Settings) any { return &s.MaxChannels }, def: "1000000", flag: true, check: between(1, 100_000_000),
		help: "channels that the node keeps, about 550 bytes each without messages; above that, those that nobody uses are forgotten before their time, and then a new one is refused"},
	{name: "limits.channels_per_user", to: func(s *Settings) any { return &s.ChannelsPerUser }, def: "10000", flag: true, check: between(1, 100_000_000),
		help: "channels that one user, or one address of anonymous clients, may have made; without trusted_proxies all anonymous clients together, half of limits.channels"},
	{name: "limits.grants", to: func(s *Settings) any { return &s.MaxGrants }, def: "200000", flag: true, check: between(1, 100_000_000),
		help: "channels that POST /api/subscribe has put clients in and the node remembers; above that, the grants of clients that left longest ago are forgotten, and then the request is refused"},
	{name: "limits.rooms", to: func(s *Settings) any { return &s.MaxRooms }, def: "10000", flag: true, check: between(1, 1_000_000),
		help: "different filters, with their scopes, of one channel on the node; at most a tenth of those may be filters that no index helps, like a negation alone"},
	{name: "park", to: func(s *Settings) any { return &s.Park }, def: "30s", flag: true, check: between(time.Second, 2*time.Minute),
		help: "how long a connection outlives its transport"},
	{name: "heartbeat", to: func(s *Settings) any { return &s.Heartbeat }, def: "25s", flag: true, check: between(time.Second, 5*time.Minute),
		help: "silence after which a client pings"},
	{name: "poll_hold", to: func(s *Settings) any { return &s.PollHold }, def: "25s", flag: true, check: between(time.Second, 55*time.Second),
		help: "how long a long-poll waits for a first message"},
	{name: "idle_timeout", to: func(s *Settings) any { return &s.IdleTimeout }, def: "75s", flag: true, check: between(10*time.Second, 2*time.Hour),
		help: "how long a connection without a request is kept; set it above the time for which the balancer in front keeps its connections, if that is longer"},
	{name: "collect_window", to: func(s *Settings) any { return &s.CollectWindow }, def: "10ms", flag: true, check: between(0, 10*time.Millisecond),
		help: "how long messages of a hot channel wait for more, to be written together; 0 means never; messages of other channels do not wait"},
	{name: "drain", to: func(s *Settings) any { return &s.Drain }, def: "30s", flag: true, check: between(0, 10*time.Minute),
		help: "window over which clients are sent away before the server ends"},
	{name: "drain_delay", to: func(s *Settings) any { return &s.DrainDelay }, def: "3s", flag: true, check: between(0, 2*time.Minute),
		help: "how long a node that is asked to end still takes new clients, with /readyz at 503, until balancers have looked; not without another node on the same broker"},
	{name: "log.level", to: func(s *Settings) any { return &s.LogLevel }, def: "info", flag: true, choices: []string{"debug", "info", "warn", "error"},
		help: "least level of what is logged"},
	{name: "log.format", to: func(s *Settings) any { return &s.LogFormat }, def: "json", flag: true, choices: []string{"json", "text"},
		help: "form of the log, on stderr"},
}

func keyOf(name string) *key {
	i := slices.IndexFunc(keys, func(k key) bool { return k.name == name })
	if i < 0 {
		return nil
	}
	return &keys[i]
}

// Choice is a flag that takes one of some words.
type Choice struct {
	Flag   string
	Values []string
}

// Choices lists them, for the shell's completion.
func Choices() (list []Choice) {
	for _, k := range keys {
		if k.flag && k.choices != nil {
			list = append(list, Choice{FlagName(k.name), k.choices})
		}
	}
	return list
}

// FileFlags lists the flags that take a file.
func FileFlags() (names []string) {
	for _, k := range keys {
		if k.flag && k.file {
			names = append(names, FlagName(k.name))
		}
	}
	return names
}
