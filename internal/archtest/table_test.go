package archtest

// folder is what one folder's production code may import. Tests may import more. A folder may always import the
// standard library and what lies below it without a row of its own.
type folder struct {
	ours    []string // folders
	foreign []string // module paths
	within  string   // the one folder that may import it: it may show that folder foreign types; "" for most
}

const (
	protoactor = "github.com/asynkron/protoactor-go"
	websocket  = "github.com/coder/websocket"
	lru        = "github.com/hashicorp/golang-lru/v2"
	rtree      = "github.com/tidwall/rtree"
	gin        = "github.com/gin-gonic/gin"
	prometheus = "github.com/prometheus/client_golang"
	clientSSE  = "github.com/r3labs/sse/v2"
	hdr        = "github.com/HdrHistogram/hdrhistogram-go"
	cobra      = "github.com/spf13/cobra"
	pflag      = "github.com/spf13/pflag"
	koanf      = "github.com/knadh/koanf"
	yaml       = "go.yaml.in/yaml/v3" // koanf's own parser, asked for line numbers
	jwt        = "github.com/golang-jwt/jwt/v5"
	jose       = "github.com/go-jose/go-jose/v4" // its JWK parser alone
	otel       = "go.opentelemetry.io/otel"
	gobreaker  = "github.com/sony/gobreaker/v2"
	webhooks   = "github.com/standard-webhooks/standard-webhooks"
	sqlite     = "modernc.org/sqlite"
	pgx        = "github.com/jackc/pgx/v5"
	rueidis    = "github.com/redis/rueidis"
	goldmark   = "github.com/yuin/goldmark"
	gomponents = "maragu.dev/gomponents"
	xcrypto    = "golang.org/x/crypto" // acme/autocert, argon2
)

// folders is the import table. A package belongs to the row with the longest name that is a folder of its path. A
// folder that is not here is an error, and so is an import that is not: an arrow is added by changing this table, in
// sight of a reviewer.
var folders = map[string]folder{
	"protocol":           {},
	"core":               {ours: []string{"protocol"}},
	"access":             {ours: []string{"protocol"}, foreign: []string{jwt, jose, lru, xcrypto}},
	"filter":             {ours: []string{"protocol"}, foreign: []string{lru, rtree}},
	"broker":             {ours: []string{"protocol", "core"}},
	"broker/memory":      {ours: []string{"protocol", "core", "broker"}},
	"broker/redisbroker": {ours: []string{"protocol", "core", "broker", "broker/redisbroker/redis"}, foreign: []string{rueidis}},
	// How Redis is spoken to: keys, scripts, and the connections that bring what is published.
	"broker/redisbroker/redis": {ours: []string{"protocol", "core"}, foreign: []string{gobreaker, rueidis}, within: "broker/redisbroker"},
	"actors/ground":            {foreign: []string{protoactor}, within: "actors"},
	"actors/fanout":            {ours: []string{"core", "protocol", "internal/quickcall"}, within: "actors"},
	"actors":                   {ours: []string{"actors/fanout", "actors/ground", "internal/counts", "internal/patience", "internal/refusals", "protocol", "core", "broker", "access", "filter"}, foreign: []string{protoactor, lru}},
	"hooks":                    {ours: []string{"protocol", "access", "actors"}, foreign: []string{gobreaker, webhooks}},
	"transports":               {ours: []string{"internal/counts", "internal/forward", "internal/guard", "internal/patience", "internal/quickcall", "internal/refusals", "internal/resting", "protocol", "core", "filter"}, foreign: []string{websocket, lru}},
	// The conformance suite of the transports, which tests import: it opens links as real clients do.
	"transports/transporttest": {ours: []string{"protocol", "core", "transports", "internal/memnet"}, foreign: []string{websocket, clientSSE}},
	"gateways/feathers":        {ours: []string{"protocol"}},
	"gateways/primus":          {ours: []string{"protocol", "transports", "gateways/feathers"}},
	"gateways/socketio":        {ours: []string{"protocol", "transports", "gateways/feathers"}},
	"gateways/kuzzle":          {ours: []string{"protocol", "filter", "transports"}},
	"gateways/pakyow":          {ours: []string{"protocol", "transports"}},
	"documents":                {ours: []string{"protocol", "filter", "store", "actors"}},
	"httpapi":                  {ours: []string{"protocol", "core", "access", "broker", "actors", "documents", "filter", "store", "transports", "clientjs", "internal/admin", "internal/counts", "internal/doctor", "internal/forward", "internal/guard", "internal/refusals", "internal/resting"}, foreign: []string{gin, prometheus}},
	"client":                   {ours: []string{"protocol", "core"}, foreign: []string{websocket, clientSSE}},
	"clientjs":                 {},
	"docs":                     {},
	"docs/site":                {foreign: []string{goldmark, yaml, gomponents}},
	// The store of documents: what it is asked and answers, with implementations that know nothing of each other.
	"store":              {ours: []string{"protocol", "filter"}},
	"store/sqlstore":     {ours: []string{"protocol", "filter", "store"}},
	"store/sqlite":       {ours: []string{"protocol", "filter", "core", "store", "store/sqlstore"}, foreign: []string{sqlite}},
	"store/postgres":     {ours: []string{"protocol", "filter", "core", "store", "store/sqlstore"}, foreign: []string{pgx}},
	"store/relay":        {ours: []string{"protocol", "core", "broker", "store"}},
	"store/storetest":    {ours: []string{"protocol", "filter", "store"}},
	"store/killtest":     {ours: []string{"protocol", "broker", "store", "store/relay"}},
	"sim":                {ours: []string{"protocol", "core", "client"}, foreign: []string{hdr}},
	"sim/nemesis":        {ours: []string{"protocol", "client", "sim", "internal/leash"}},
	"examples":           {},
	"examples/backend":   {foreign: []string{webhooks}},
	"examples/cluster":   {ours: []string{"protocol", "client"}},
	"internal/admin":     {},
	"internal/archtest":  {},
	"internal/forward":   {},
	"internal/guard":     {},
	"internal/quickcall": {},
	"internal/resting":   {},
	"internal/doctor":    {foreign: []string{websocket}},
	"internal/memnet":    {},
	"internal/counts":    {},
	"internal/sparse":    {},
	"internal/patience":  {},
	"internal/refusals":  {ours: []string{"protocol"}},
	"internal/bench":     {ours: []string{"protocol", "client"}, foreign: []string{gin, websocket, hdr}},
	"internal/config":    {ours: []string{"protocol", "access", "filter"}, foreign: []string{koanf, yaml, pflag}},
	// The whole server in one process, which tests of examples, pages and proxies import.
	"internal/teststack": {ours: []string{"access", "actors", "broker/memory", "httpapi"}},
	// Servers that end with the test's process.
	"internal/leash": {},
	// A PostgreSQL server of the system's packages, which tests start.
	"internal/testpostgres": {ours: []string{"internal/leash"}, foreign: []string{pgx}},
	// Redis servers of the system's packages, which tests start.
	"internal/testredis": {ours: []string{"internal/leash"}},
	"internal/tools":     {},
	"internal/tracing":   {ours: []string{"protocol"}, foreign: []string{otel}},
	"cmd/tidings":        {ours: []string{"protocol", "core", "access", "broker", "broker/memory", "broker/redisbroker", "actors", "transports", "hooks", "httpapi", "client", "clientjs", "docs", "docs/site", "sim", "examples", "documents", "gateways/feathers", "gateways/kuzzle", "gateways/pakyow", "gateways/primus", "gateways/socketio", "store", "store/postgres", "store/relay", "store/sqlite", "internal/config", "internal/doctor", "internal/forward", "internal/sparse", "internal/tracing"}, foreign: []string{cobra, pflag, xcrypto}},
}
